// What must be true whenever the dust has settled: nothing runs, nothing waits, so every turn has its end, every request its
// outcome and every row its text; what was told is told again byte for byte; what was acknowledged is there.

import { Database } from "bun:sqlite"
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import type { Ledger } from "./ledger.ts"
import type { Random } from "./random.ts"
import { play, type Tape, type Taped } from "./tape.ts"

export interface Scene {
  url: string
  dataDir: string
  tape: Tape
  ledger: Ledger
  random: Random
  counter: string
  /** The first life whose doings are looked at. */
  since: number
}

interface Row {
  [column: string]: string | number | null
}

/** The state that the kill left, looked at in a copy: `integrity_check` must be ok. */
export function integrityOf(dataDir: string, aside: string): string[] {
  rmSync(aside, { recursive: true, force: true })
  mkdirSync(aside, { recursive: true })
  for (const name of ["codexd.db", "codexd.db-wal"]) {
    if (existsSync(join(dataDir, name))) copyFileSync(join(dataDir, name), join(aside, name))
  }
  const db = new Database(join(aside, "codexd.db"))
  try {
    const rows = db.query<{ integrity_check: string }, []>("PRAGMA integrity_check").all()
    return rows.flatMap(({ integrity_check: said }) => (said === "ok" ? [] : [`integrity_check: ${said}`]))
  } finally {
    db.close()
    rmSync(aside, { recursive: true, force: true })
  }
}

/** Plays parts of the log again, and holds them against the tape up to the frame `last`. */
export async function replaysOf({ url, tape, random, since }: Scene, last: number): Promise<string[]> {
  const found: string[] = []
  const recent = tape.frames.filter((frame) => frame.life >= since && frame.seq <= last)
  const threads = [...new Set(recent.flatMap(({ threadId }) => threadId ?? []))]
  // What came before the first listener is on no tape.
  const from = random.often(0.1) ? (tape.frames[0]?.seq ?? 0) : random.pick(recent).seq
  const all = { query: "", from, fits: (_: Taped) => true }
  const one = threads.length ? random.pick(threads) : undefined
  const thread = one && {
    query: `&threadId=${one}`,
    from: random.pick(recent).seq,
    fits: (f: Taped) => f.threadId === one,
  }
  for (const { query, from: start, fits } of [all, ...(thread ? [thread] : [])]) {
    const want = tape.frames.filter((f) => f.seq > start && f.seq <= last && f.stored && fits(f))
    const end = want.at(-1)?.seq
    if (end === undefined) continue
    const { ready, frames } = await play(url, `since=${tape.log}.${start}${query}`, end)
    const what = `the replay since ${start}${query} up to ${end}`
    if (ready.resume !== "ok") found.push(`${what} was told ${JSON.stringify(ready)}`)
    else
      found.push(
        ...differences(
          what,
          want,
          query ? frames.filter((f) => JSON.parse(f.text).threadId === one) : frames,
        ),
      )
  }
  return found
}

function differences(what: string, want: Taped[], got: { seq: number; text: string }[]): string[] {
  const found: string[] = []
  const shown = new Map(got.map((frame) => [frame.seq, frame.text]))
  if (shown.size !== got.length) found.push(`${what} showed a seq twice`)
  for (const frame of want) {
    const text = shown.get(frame.seq)
    if (text === undefined) found.push(`${what} left out: ${frame.text}`)
    else if (text !== frame.text)
      found.push(`${what} differs at ${frame.seq}:\n  live   ${frame.text}\n  replay ${text}`)
    shown.delete(frame.seq)
  }
  for (const text of shown.values()) found.push(`${what} shows what was never told live: ${text}`)
  return found.slice(0, 5)
}

/** Holds the tables, the frames and the counter file against each other and against what was acknowledged. */
export async function truthOf(scene: Scene): Promise<string[]> {
  const { url, ledger, since } = scene
  const touched = new Set(
    [...ledger.sessions, ...ledger.messages.map((m) => ({ id: m.session, life: m.life }))].flatMap((s) =>
      s.life >= since ? s.id : [],
    ),
  )
  const reads = new Map<string, Read>()
  const found: string[] = []
  for (const id of touched) {
    const answer = await fetch(`${url}/api/sessions/${id}`)
    const text = await answer.text()
    if (answer.status === 200) reads.set(id, JSON.parse(text) as Read)
    else found.push(`session ${id} was acknowledged; GET says ${answer.status} ${text}`)
  }
  // Opened after the reads, which lay the child's history beside the tables.
  const db = new Database(join(scene.dataDir, "codexd.db"), { readonly: true })
  try {
    const all = (sql: string) => db.query<Row, []>(sql).all()
    found.push(...unfinished(all))
    const turns = new Map(all("SELECT * FROM turns").map((row) => [`${row.session_id} ${row.id}`, row]))
    const requests = new Map(all("SELECT * FROM requests").map((row) => [String(row.id), row]))
    found.push(
      ...messages(scene, turns, reads),
      ...answers(scene, requests),
      ...frames(scene, turns, requests),
    )
    found.push(...counts(scene, turns, requests))
  } finally {
    db.close()
  }
  return found
}

interface Read {
  thread: { turns: { id: string; status: string }[] }
  transcript: {
    messageId: string
    turnId: string
    type: string
    role: string
    content: string
    status: string
  }[]
}

function unfinished(all: (sql: string) => Row[]): string[] {
  const left = [
    ["a turn still runs", "SELECT * FROM turns WHERE status = 'inProgress'"],
    [
      "a request still waits for a child",
      "SELECT * FROM requests WHERE state IN ('open', 'claimed', 'carrying')",
    ],
    [
      "a row still streams",
      "SELECT session_id, turn_id, message_id, type, status FROM entries WHERE status = 'streaming'",
    ],
  ] as const
  return left.flatMap(([what, sql]) => all(sql).map((row) => `${what}: ${JSON.stringify(row)}`))
}

/** The daemon's own words to a turn that carries an accept over. */
const CARRIED = "<runtime_restarted>"

function messages({ ledger, since }: Scene, turns: Map<string, Row>, reads: Map<string, Read>): string[] {
  return ledger.messages.flatMap((message) => {
    const { session, turnId, token, life } = message
    const read = reads.get(session)
    if (life < since || !read) return []
    const said = read.transcript.filter(
      ({ role, content }) => role === "user" && content.includes(token) && !content.startsWith(CARRIED),
    )
    const evidence = JSON.stringify({ message, said })
    if (said.length > 1) return [`a message is in the transcript ${said.length} times: ${evidence}`]
    if (turnId === undefined) return []
    const row = turns.get(`${session} ${turnId}`)
    const listed = read.thread.turns.find((turn) => turn.id === turnId)
    if (!row || !listed) return [`an acknowledged turn is not there: ${evidence}`]
    if (row.status !== listed.status)
      return [`a turn is ${row.status} in the table, ${listed.status} in the list: ${evidence}`]
    if (said.length === 0)
      return [`an acknowledged message's text is lost (its turn: ${row.status}): ${evidence}`]
    return []
  })
}

/** What an acknowledged answer may have come to: the child has it, or its child was dead and the answer outlives it. */
const DECIDED = new Set(["answered", "indeterminate", "declined", "accepted-for-carry", "carrying", "void"])

function answers({ ledger, since }: Scene, requests: Map<string, Row>): string[] {
  return ledger.answers.flatMap((answer) => {
    if (!answer.acknowledged || answer.life < since) return []
    const row = requests.get(answer.id)
    const evidence = JSON.stringify({ answer, row })
    if (!row) return [`an acknowledged answer's request is not there: ${evidence}`]
    if (!DECIDED.has(String(row.state)))
      return [`an acknowledged answer's request is ${row.state}: ${evidence}`]
    const kept = JSON.parse(String(row.decision)) as { decision?: string }
    const truthful = answer.kind === "tool_call" || kept.decision === answer.decision
    return truthful ? [] : [`another decision was recorded: ${evidence}`]
  })
}

const OPENED = new Set(["approval", "tool_user_input_requested", "tool_call_requested"])
const CLOSED = new Set(["approval_resolved", "tool_user_input_resolved", "tool_call_resolved"])
/** It lost its child and waits for a person. */
const WAITS_ON = new Set(["orphaned"])
const idOf = ({ payload }: Taped) => String(payload.approvalId ?? payload.requestId)

/** Every beginning that was told has its end told, once, and the tables agree. */
function frames(
  { tape, since, ledger }: Scene,
  turns: Map<string, Row>,
  requests: Map<string, Row>,
): string[] {
  const found: string[] = []
  const begun = new Map<string, Taped>()
  const ended = new Map<string, Taped>()
  const opened = new Map<string, Taped>()
  const closed = new Map<string, Taped>()
  const once = (map: Map<string, Taped>, key: string, frame: Taped) => {
    const known = map.get(key)
    if (known) found.push(`told twice:\n  ${known.text}\n  ${frame.text}`)
    map.set(key, frame)
  }
  for (const frame of tape.frames) {
    if (frame.life < since) continue
    if (OPENED.has(frame.type)) {
      // Told again as an orphan, once for each child that it lost; what was decided of it before never left the house.
      if (frame.payload.state !== "orphaned") once(opened, idOf(frame), frame)
      else closed.delete(idOf(frame))
    }
    if (CLOSED.has(frame.type)) once(closed, idOf(frame), frame)
    if (frame.type !== "notification") continue
    const { method, params } = frame.payload as { method: string; params: { turn?: { id: string } } }
    const key = `${frame.threadId} ${params.turn?.id}`
    if (method === "turn/started") once(begun, key, frame)
    if (method === "turn/completed") once(ended, key, frame)
  }
  for (const [key, frame] of begun)
    if (!ended.has(key)) found.push(`the end of this turn was never told: ${frame.text}`)
  for (const [key, frame] of ended) {
    const told = (frame.payload.params as { turn: { status: string } }).turn.status
    const row = turns.get(key)
    if (row?.status !== told)
      found.push(`a turn's end was told as ${told}, its row is ${JSON.stringify(row)}: ${frame.text}`)
  }
  for (const [id, frame] of opened) {
    const end = closed.get(id)
    const waits = WAITS_ON.has(String(requests.get(id)?.state))
    if (!end && !waits)
      found.push(
        `a request was told and never its end (its row: ${JSON.stringify(requests.get(id))}): ${frame.text}`,
      )
  }
  for (const { turnId, session, life } of ledger.messages) {
    if (life < since || turnId === undefined || ended.has(`${session} ${turnId}`)) continue
    found.push(`the end of an acknowledged turn was never told: ${session} ${turnId}`)
  }
  return found
}

/** A command runs once if its accept was acknowledged and its turn completed, at most once in any case, never unasked. */
function counts(
  { ledger, counter, since }: Scene,
  turns: Map<string, Row>,
  requests: Map<string, Row>,
): string[] {
  const lines = existsSync(counter) ? readFileSync(counter, "utf8").split("\n") : []
  const ran = Map.groupBy(lines, (line) => line)
  return ledger.messages.flatMap((message) => {
    if (message.life < since || !message.counts) return []
    const times = ran.get(message.token)?.length ?? 0
    const asked = [...requests.values()].filter(
      (row) => row.kind === "approval" && String(row.params).includes(message.token),
    )
    const accepted = asked.some((row) => String(row.decision).includes('"accept"'))
    const evidence = JSON.stringify({
      message,
      asked: asked.map(({ id, state, decision }) => ({ id, state, decision })),
    })
    if (times > 1) return [`a command ran ${times} times: ${evidence}`]
    if (times === 1 && !accepted) return [`a command ran that nobody accepted: ${evidence}`]
    const turn = turns.get(`${message.session} ${message.turnId}`)
    const lost = times === 0 && accepted && turn?.status === "completed"
    return lost ? [`an accepted command of a completed turn never ran: ${evidence}`] : []
  })
}

/**
 * Text that was streamed is in the transcript, whole, however its turn ended. Of one that was cut off the row may have more: a
 * child outlives its daemon for a moment, and what its history has then is taken over (wire-contract §3.5).
 */
export async function textsOf({ url, tape, since }: Scene): Promise<string[]> {
  const heard = new Map<string, { session: string; item: string; text: string }>()
  for (const frame of tape.frames) {
    if (
      frame.life < since ||
      frame.type !== "notification" ||
      frame.payload.method !== "item/agentMessage/delta"
    )
      continue
    const { itemId, delta } = frame.payload.params as { itemId: string; delta: string }
    const key = `${frame.threadId} ${itemId}`
    const one = heard.get(key) ?? { session: frame.threadId ?? "", item: itemId, text: "" }
    one.text += delta
    heard.set(key, one)
  }
  const found: string[] = []
  for (const [session, items] of Map.groupBy(heard.values(), (one) => one.session)) {
    const { transcript } = (await (await fetch(`${url}/api/sessions/${session}`)).json()) as Read
    for (const { item, text } of items) {
      const row = transcript.find((entry) => entry.messageId === item)
      const isLonger = row !== undefined && row.status !== "complete" && row.content.startsWith(text)
      if (row?.content !== text && !isLonger) {
        found.push(
          `streamed text and transcript differ in ${session}: streamed ${text.length} ${JSON.stringify(text.slice(-80))}, row ${JSON.stringify(row && { ...row, content: [row.content.length, row.content.slice(-80)] })}`,
        )
      }
    }
  }
  return found
}
