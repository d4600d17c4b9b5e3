// The ledger against a plain model: whatever comes in whatever order (items, text, rows of others, ends, kills), every row
// stands where a tree of arrays says, has the model's text and status, and is read the same whole, by page and by change.

import { expect, test } from "bun:test"
import fc from "fast-check"
import type { Entry } from "../../src/domain/transcript/entry.ts"
import { settleThePast } from "../../src/flow/ingest/past/startup.ts"
import { openRooms, said } from "../support/rooms.ts"

/** Failure net, for when a counterexample is made smaller. */
const NET_MS = 60_000
const TURNS = ["u", "v", "w"]
const ELSEWHERE = ["x", "y"]
const ROWS = ["r1", "r2", "r3", "r4"]
const ITEMS = ["a1", "a2", "c1", "c2", "d1"]
const isAssistant = (id: string) => id.startsWith("a")

type Op =
  | { do: "turn"; turn: string }
  | { do: "end"; status: "completed" | "interrupted" | "failed" }
  | { do: "start"; item: string }
  | { do: "text"; text: string }
  | { do: "done" }
  | {
      do: "row"
      row: string
      turn: string
      anchor: string | undefined
      status: Entry["status"]
      job: boolean
    }
  | { do: "kill" }
  | { do: "look" }

const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant("turn" as const), turn: fc.constantFrom(...TURNS) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("end" as const),
      status: fc.constantFrom("completed" as const, "interrupted" as const, "failed" as const),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("start" as const), item: fc.constantFrom(...ITEMS) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("text" as const), text: fc.string({ maxLength: 5 }) }),
  },
  { weight: 3, arbitrary: fc.constant({ do: "done" as const }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("row" as const),
      row: fc.constantFrom(...ROWS),
      turn: fc.constantFrom("running", "running", "over", "over", ...TURNS, ...ELSEWHERE),
      anchor: fc.option(fc.constantFrom(...ITEMS), { nil: undefined }),
      status: fc.constantFrom<Entry["status"]>("streaming", "complete", "error"),
      job: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: "kill" as const }) },
  { weight: 2, arbitrary: fc.constant({ do: "look" as const }) },
)

interface Node {
  id: string
  isItem: boolean
  before: Node[]
  under: Node[]
  content: string
  status: Entry["status"]
  job: boolean
  turn: ModelTurn
  seq: number
}
interface ModelTurn {
  id: string
  known: boolean
  outcome: Entry["status"] | undefined
  list: Node[]
}
const OUTCOME = { completed: "complete", interrupted: "canceled", failed: "error" } as const
const flat = (node: Node): Node[] => [...node.before.flatMap(flat), node, ...node.under.flatMap(flat)]

/** The rules of docs/transcript.md in the plainest form. */
function createModel() {
  const known: ModelTurn[] = []
  const foreign: ModelTurn[] = []
  const nodes = new Map<string, Node>()
  let seq = 0
  let running: ModelTurn | undefined
  let open: Node | undefined

  const turnOf = (id: string): ModelTurn => {
    const found = [...known, ...foreign].find((turn) => turn.id === id)
    if (found) return found
    const made: ModelTurn = { id, known: false, outcome: undefined, list: [] }
    foreign.push(made)
    return made
  }
  const isTop = (turn: ModelTurn, node: Node) => turn.list.includes(node)
  const lastAssistant = (turn: ModelTurn) => turn.list.findLast((n) => n.isItem && isAssistant(n.id))
  const bySeq = (list: Node[], node: Node) => {
    list.push(node)
    list.sort((a, b) => a.seq - b.seq)
  }

  return {
    get running() {
      return running?.id
    },
    /** The last turn that ended. */
    get over() {
      return known.findLast((turn) => turn.outcome !== undefined)?.id
    },
    get open() {
      return open
    },
    seen: (id: string) => nodes.has(id),
    isTurn: (id: string) => known.some((turn) => turn.id === id),
    begin(id: string) {
      const at = foreign.findIndex((turn) => turn.id === id)
      const turn =
        at >= 0 ? (foreign.splice(at, 1)[0] as ModelTurn) : { id, known: true, outcome: undefined, list: [] }
      known.push(Object.assign(turn, { known: true }))
      running = turn
    },
    start(id: string) {
      const turn = running as ModelTurn
      const node: Node = {
        id,
        isItem: true,
        before: [],
        under: [],
        content: "",
        status: "streaming",
        job: false,
        turn,
        seq: ++seq,
      }
      nodes.set(id, node)
      turn.list.push(node)
      open = node
      for (const about of waiting(turn, id)) {
        turn.list.splice(turn.list.indexOf(about), 1)
        bySeq(node.under, about)
      }
    },
    text(more: string) {
      if (open) open.content += more
    },
    done() {
      if (open) open.status = "complete"
      open = undefined
    },
    end(status: keyof typeof OUTCOME) {
      const turn = running as ModelTurn
      running = undefined
      turn.outcome = OUTCOME[status]
      for (const node of nodes.values())
        if (node.turn === turn && node.isItem && node.status === "streaming") node.status = OUTCOME[status]
      open = undefined
      const last = lastAssistant(turn)
      if (!last) return
      for (const node of turn.list.slice(turn.list.indexOf(last) + 1).filter((n) => !n.isItem)) {
        turn.list.splice(turn.list.indexOf(node), 1)
        bySeq(last.before, node)
      }
    },
    row({ row: id, turn: turnId, anchor, status, job }: Extract<Op, { do: "row" }>, content: string) {
      const found = nodes.get(id)
      if (found) {
        const keeps = found.status !== "streaming" && status === "streaming"
        if (!keeps) Object.assign(found, { content, status })
        return
      }
      const turn = turnOf(turnId)
      const made = { id, isItem: false, before: [], under: [], content, status, job, turn, seq: ++seq }
      const node: Node = Object.assign(made, { anchor })
      nodes.set(id, node)
      const about = anchor === undefined ? undefined : nodes.get(anchor)
      if (about?.turn === turn) return bySeq(about.under, node)
      const last = turn.outcome === undefined ? undefined : lastAssistant(turn)
      if (last) bySeq(last.before, node)
      else turn.list.push(node)
    },
    shown() {
      return [...known, ...foreign].flatMap((turn) =>
        turn.list.flatMap(flat).map(({ id, content, status, isItem, job }) => ({
          id,
          content,
          status: status === "streaming" && !isItem && !job && turn.outcome ? turn.outcome : status,
        })),
      )
    },
  }

  function waiting(turn: ModelTurn, anchor: string): Node[] {
    return [...nodes.values()].filter(
      (n) =>
        n.turn === turn && !n.isItem && isTop(turn, n) && (n as Node & { anchor?: string }).anchor === anchor,
    )
  }
}

const itemOf = (id: string, text: string) =>
  isAssistant(id) ? { type: "agentMessage", id, text } : { type: "contextCompaction", id }

test(
  "the ledger equals a plain model, read whole, by page, and by what changed",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(op, { minLength: 1, maxLength: 50, size: "max" }), async (ops) => {
        const house = openRooms()
        const model = createModel()
        const { transcript } = house.rooms
        const tell = (method: string, params: object) =>
          house.ingest.take([said(method, { threadId: "t", ...params })], "run")
        house.ingest.take([said("thread/started", { thread: { id: "t" } })], "run")
        let mine: { id: string; entry: Entry }[] = []
        let head = "0.0"
        let n = 0

        const look = async () => {
          const rows = (await house.settle(transcript.read("t"))).map((row) => ({
            id: row.messageId,
            content: isAssistant(row.messageId) || row.item === undefined ? row.content : "",
            status: row.shownAs ?? row.status,
          }))
          expect(rows).toEqual(model.shown())
          const whole = JSON.parse(transcript.joined("t", true).transcript) as Entry[]
          expect(whole.map(({ messageId, status }) => [messageId, status])).toEqual(
            rows.map(({ id, status }) => [id, status]),
          )
          const paged: Entry[] = []
          for (let before: string | undefined; ; ) {
            const page = JSON.parse(transcript.page("t", { before, limit: 3 }) ?? "null")
            paged.unshift(...page.entries)
            if (page.before === null) break
            before = page.before
          }
          expect(paged).toEqual(whole)
          const change = JSON.parse(transcript.since("t", head))
          head = change.head
          if (change.whole) mine = []
          for (const [i, entry] of (change.entries as Entry[]).entries()) {
            mine = mine.filter(({ id }) => id !== entry.messageId)
            const at = change.after[i] === null ? 0 : mine.findIndex(({ id }) => id === change.after[i]) + 1
            mine.splice(at, 0, { id: entry.messageId, entry })
          }
          expect(mine.map(({ entry }) => entry)).toEqual(whole)
        }

        for (const one of ops) {
          const { running } = model
          switch (one.do) {
            case "turn":
              if (running !== undefined || model.isTurn(one.turn)) break
              model.begin(one.turn)
              tell("turn/started", { turn: { id: one.turn, status: "inProgress" } })
              break
            case "end":
              if (running === undefined) break
              model.end(one.status)
              tell("turn/completed", { turn: { id: running, status: one.status } })
              break
            case "start":
              if (running === undefined || model.open || model.seen(one.item)) break
              model.start(one.item)
              tell("item/started", { turnId: running, item: itemOf(one.item, "") })
              break
            case "text": {
              const { open } = model
              if (!open || !isAssistant(open.id)) break
              model.text(one.text)
              tell("item/agentMessage/delta", { turnId: running, itemId: open.id, delta: one.text })
              break
            }
            case "done": {
              const { open } = model
              if (!open) break
              model.done()
              tell("item/completed", { turnId: running, item: itemOf(open.id, open.content) })
              break
            }
            case "row": {
              const content = `text ${++n}`
              const author = one.job ? "job:1" : undefined
              const details = one.anchor && JSON.stringify({ anchorItemId: one.anchor })
              const rest = { role: "system", type: "note", status: one.status, content } as const
              // A row's turn and what it is about are said once: the first time.
              const first = !model.seen(one.row)
              const known = house.rooms.transcript.find(house.db, "t", one.row)
              const named = { running, over: model.over }[one.turn] ?? one.turn
              const turnId = first ? named : (known?.turnId ?? "")
              model.row({ ...one, turn: turnId }, content)
              house.now((tx) =>
                transcript.say(tx, "t", {
                  messageId: one.row,
                  turnId,
                  ...rest,
                  ...(first && { author, details }),
                }),
              )
              break
            }
            case "kill":
              transcript.silence("t")
              if (running !== undefined) model.end("interrupted")
              settleThePast(house)
              transcript.silence("t")
              break
            case "look":
              await look()
          }
        }
        await look()
      }),
      { numRuns: 60 },
    )
  },
  NET_MS,
)
