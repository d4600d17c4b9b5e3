import { describe, expect, test } from "bun:test"
import { TIMERS } from "../../src/base/kit/timers.ts"
import { settleThePast } from "../../src/flow/ingest/past/startup.ts"
import { fullDisk } from "../support/full-disk.ts"
import { API, asked, type OpenRooms, openRooms, said } from "../support/rooms.ts"

const COMMAND = "item/commandExecution/requestApproval"
const accept = { kind: "approval", decision: "accept", scope: "turn" } as const
const item = (id: string, what = "started") =>
  said(`item/${what}`, { threadId: "t", turnId: "u", item: { type: "agentMessage", id, text: "" } })
const ask = (n = 0) => asked(n, COMMAND, { threadId: "t", turnId: "u", command: `make ${n}`, cwd: "/w" })

function withTurn() {
  const house = openRooms()
  house.ingest.take(
    [
      said("thread/started", { thread: { id: "t", cwd: "/w" } }),
      said("turn/started", { threadId: "t", turn: { id: "u", status: "inProgress" } }),
    ],
    "run",
  )
  return house
}
/** What is in the database, whoever would have written before reading. */
const stored = ({ db }: OpenRooms) =>
  db.all("SELECT message_id, type FROM entries WHERE session_id = 't' ORDER BY place, spot")
const shown = async (house: OpenRooms) =>
  (await house.settle(house.rooms.transcript.read("t"))).map(({ type, messageId }) => [type, messageId])
const idOf = ({ rooms }: OpenRooms, n = 0) =>
  (rooms.requests.list("t", "approval")[n] as { approvalId: string }).approvalId

describe("the row of a new request in the transcript", () => {
  test("comes behind its frame, and before anybody reads", async () => {
    const house = withTurn()
    house.ingest.take([ask()], "run")
    expect(house.told.at(-1)?.type).toBe("request.opened")
    expect(stored(house)).toEqual([])
    expect(house.rooms.transcript.isPoured("t")).toBe(false)
    expect(await shown(house)).toEqual([["approval.request", `approval-${idOf(house)}`]])
    expect(house.rooms.transcript.isPoured("t")).toBe(true)
  })

  test("comes by itself where nobody reads, and is found then", () => {
    const house = withTurn()
    house.ingest.take([ask()], "run")
    house.clock.turn(TIMERS.followMs)
    expect(stored(house)).toMatchObject([{ message_id: `approval-${idOf(house)}` }])
    expect(house.db.get("SELECT count(*) AS n FROM search_pending")?.n).toBe(0)
    expect(house.db.get("SELECT count(*) AS n FROM search_docs")?.n).toBe(1)
  })

  test("changes the answer that a client holds, and is in what changed since", () => {
    const house = withTurn()
    house.ingest.take([ask()], "run")
    const { head } = JSON.parse(house.rooms.transcript.page("t", { limit: 1 }) ?? "") as { head: string }
    const before = house.rooms.sessions.revision("t")
    house.clock.turn(TIMERS.followMs)
    expect(house.rooms.sessions.revision("t")).not.toBe(before)
    expect(JSON.parse(house.rooms.transcript.since("t", head)).entries).toMatchObject([
      { messageId: `approval-${idOf(house)}` },
    ])
  })

  test.each([
    ["of the same read", (house: OpenRooms) => house.ingest.take([ask(), item("behind")], "run")],
    [
      "of the next one",
      (house: OpenRooms) => {
        house.ingest.take([ask()], "run")
        house.ingest.take([item("behind")], "run")
      },
    ],
  ])("stands before what the child says after it: %s", async (_name, take) => {
    const house = withTurn()
    house.ingest.take([item("before")], "run")
    take(house)
    expect((await shown(house)).map(([, id]) => id)).toEqual(["before", `approval-${idOf(house)}`, "behind"])
  })

  test("is there for an entry from outside that hangs under it", async () => {
    const house = withTurn()
    house.ingest.take([ask()], "run")
    const anchorItemId = `approval-${idOf(house)}`
    house.now((tx) =>
      house.rooms.transcript.say(tx, "t", {
        messageId: "note",
        turnId: "u",
        role: "system",
        type: "note",
        content: "about it",
        details: JSON.stringify({ anchorItemId }),
        status: "complete",
      }),
    )
    house.ingest.take([item("behind")], "run")
    expect((await shown(house)).map(([, id]) => id)).toEqual([anchorItemId, "note", "behind"])
  })

  test("says what became of it where that was sooner", async () => {
    const house = withTurn()
    house.ingest.take([ask()], "run")
    const id = idOf(house)
    await house.settle(house.rooms.requests.decide(id, accept, API))
    house.clock.turn(TIMERS.followMs)
    expect(await shown(house)).toEqual([["approval.resolved", `approval-${id}`]])
  })

  test.each([
    ["waits", async () => {}, "orphaned"],
    [
      "was decided, and its answer is being written",
      async (house: OpenRooms) => {
        house.child.answer = () => new Promise(() => {})
        house.rooms.requests.decide(idOf(house), accept, API).catch(() => {})
        for (let i = 0; i < 20; i++) {
          house.clock.turn(0)
          await Promise.resolve()
        }
      },
      "indeterminate",
    ],
  ] as const)(
    "is made by the next start after a kill before it, of one that %s",
    async (_name, meanwhile, state) => {
      const house = withTurn()
      house.ingest.take([ask()], "run")
      const id = idOf(house)
      await meanwhile(house)
      expect(stored(house)).toEqual([])
      // The next life: nothing of this one's memory.
      const next = openRooms(undefined, { driver: house.driver })
      settleThePast(next)
      expect(next.rooms.requests.find(id)?.state).toBe(state)
      expect((await shown(next)).map(([, messageId]) => messageId)).toEqual([`approval-${id}`])
      const [row] = await next.settle(next.rooms.transcript.read("t"))
      expect(JSON.parse(row?.details ?? "")).toMatchObject({ state })
    },
  )

  test.each([
    ["for who reads", () => {}],
    ["by itself", (house: OpenRooms) => house.clock.turn(TIMERS.returnRetryMs)],
    ["before the child goes on", (house: OpenRooms) => house.ingest.take([item("behind")], "run")],
  ])("waits on a full disk, and is there as soon as there is room: %s", async (_name, comes) => {
    const house = withTurn()
    house.ingest.take([ask()], "run")
    const disk = fullDisk(house)
    house.clock.turn(TIMERS.followMs)
    expect(stored(house)).toEqual([])
    expect(await house.settle(house.rooms.transcript.poured("t"))).toBe(false)
    expect(house.rooms.transcript.isPoured("t")).toBe(false)
    disk.makeRoom()
    comes(house)
    expect((await shown(house))[0]).toEqual(["approval.request", `approval-${idOf(house)}`])
    expect(house.rooms.transcript.isPoured("t")).toBe(true)
  })

  test("stands before that of a later one that was decided sooner", async () => {
    const house = withTurn()
    house.ingest.take([ask(0), ask(1)], "run")
    const [first, second] = [idOf(house, 0), idOf(house, 1)]
    await house.settle(house.rooms.requests.decide(second, accept, API))
    house.clock.turn(TIMERS.followMs)
    expect(await shown(house)).toEqual([
      ["approval.request", `approval-${first}`],
      ["approval.resolved", `approval-${second}`],
    ])
  })

  test("stands in the order of asking after a kill, whatever was being written", async () => {
    const house = withTurn()
    house.ingest.take([ask(0), ask(1)], "run")
    const [first, second] = [idOf(house, 0), idOf(house, 1)]
    house.child.answer = () => new Promise(() => {})
    house.rooms.requests.decide(first, accept, API).catch(() => {})
    for (let i = 0; i < 20; i++) {
      house.clock.turn(0)
      await Promise.resolve()
    }
    expect(house.rooms.requests.find(first)?.state).toBe("claimed")
    const next = openRooms(undefined, { driver: house.driver })
    settleThePast(next)
    expect((await shown(next)).map(([, id]) => id)).toEqual([`approval-${first}`, `approval-${second}`])
  })

  test("goes with a session that is deleted meanwhile", () => {
    const house = withTurn()
    house.ingest.take([ask()], "run")
    house.now((tx) => house.rooms.requests.forget(tx, "t"))
    house.clock.turn(TIMERS.followMs)
    expect(stored(house)).toEqual([])
  })
})
