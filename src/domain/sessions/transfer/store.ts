// A session's rows as an export has them and an import brings them, past the rooms that write them live: what was true
// there is not decided anew here.

import { newId } from "../../../base/kit/ids.ts"
import type { Reader, Row, SqlValue, Tx } from "../../../base/storage/port.ts"
import type { LineOf } from "./lines.ts"

const BEGIN = `INSERT INTO imports (session_id, done, imported_at, thread_id) VALUES (?, 0, ?, ?)`
const FINISH = `UPDATE imports SET done = 1 WHERE session_id = ?`
const OF_THREAD = `SELECT session_id FROM imports WHERE thread_id = ?1 AND done = 1
  UNION ALL SELECT id FROM sessions WHERE inner_id = ?1`
const IS_IMPORTED = `SELECT 1 AS yes FROM imports WHERE session_id = ?`
const LEFT = `SELECT session_id FROM imports WHERE done = 0`
const DROP = ["entries", "turns", "requests", "usage", "imports"].map(
  (table) => `DELETE FROM ${table} WHERE session_id = ?`,
)

const TURNS = `SELECT * FROM turns WHERE session_id = ? AND rolled_back_at IS NULL AND place > ? ORDER BY place LIMIT ?`
const ENTRIES = `SELECT * FROM entries WHERE session_id = ? AND hidden = 0 AND (place, spot) > (?, ?) ORDER BY place, spot LIMIT ?`
const REQUESTS = `SELECT rowid AS n, * FROM requests WHERE session_id = ? AND rowid > ? ORDER BY rowid LIMIT ?`
const USAGE = `SELECT * FROM usage WHERE session_id = ? ORDER BY turn_id, day, model`

const PUT_TURN = `INSERT INTO turns (session_id, id, place, status, error, started_at, completed_at, kind, controls, policy)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
// One hidden turn before all others stands for those that the exporter had dropped.
const PUT_DROPPED = `INSERT INTO turns (session_id, id, place, status, rolled_back_at, dropped, dropped_until, dropped_done)
  VALUES (?, ?, -1, 'completed', ?, ?, ?, 1)`
const DROPPED = `SELECT max(dropped_until) AS until FROM turns WHERE session_id = ? AND dropped IS NOT NULL`
const PUT_ENTRY = `INSERT INTO entries (session_id, message_id, turn_id, place, spot, role, type, status, author, started_at,
    completed_at, anchor, changed, json, item)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
const PUT_REQUEST = `INSERT INTO requests (id, kind, method, session_id, turn_id, item_id, run_id, rpc_id, summary, params,
    created_at, state, decision, decided_by, decided_at, reason)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
const PUT_USAGE = `INSERT INTO usage (session_id, turn_id, day, model, imported, calls, total, input, cached, cache_write, output,
    reasoning) VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?)`

export const beginImport = (
  tx: Tx,
  { id, threadId, at }: { id: string; threadId: string | undefined; at: number },
): void => void tx.run(BEGIN, id, at, threadId ?? null)
export const importOf = (db: Reader, threadId: string): string | undefined =>
  db.get(OF_THREAD, threadId)?.session_id as string | undefined
export const finishImport = (tx: Tx, sessionId: string): void => void tx.run(FINISH, sessionId)
export const isImported = (db: Reader, sessionId: string): boolean =>
  db.get(IS_IMPORTED, sessionId) !== undefined
export const unfinished = (db: Reader): string[] => db.all(LEFT).map((row) => row.session_id as string)
/** Nothing is left of an import that did not get to its end. */
export function dropImport(tx: Tx, sessionId: string): void {
  for (const statement of DROP) tx.run(statement, sessionId)
}

export const turnsAfter = (db: Reader, sessionId: string, place: number, limit: number): LineOf<"turn">[] =>
  db.all(TURNS, sessionId, place, limit).map((row) => ({
    kind: "turn",
    id: row.id as string,
    place: row.place as number,
    of: row.kind as LineOf<"turn">["of"],
    status: row.status as LineOf<"turn">["status"],
    error: text(row.error),
    startedAt: number(row.started_at),
    completedAt: number(row.completed_at),
    controls: text(row.controls),
    policy: text(row.policy),
  }))

export const entriesAfter = (
  db: Reader,
  sessionId: string,
  after: { place: number; spot: string },
  limit: number,
): LineOf<"entry">[] => db.all(ENTRIES, sessionId, after.place, after.spot, limit).map(entryOf)

function entryOf(row: Row): LineOf<"entry"> {
  return {
    kind: "entry",
    messageId: row.message_id as string,
    turnId: row.turn_id as string,
    place: row.place as number,
    spot: row.spot as string,
    role: row.role as LineOf<"entry">["role"],
    type: row.type as string,
    status: row.status as LineOf<"entry">["status"],
    author: text(row.author),
    startedAt: number(row.started_at),
    completedAt: number(row.completed_at),
    anchor: text(row.anchor),
    entry: JSON.parse(row.json as string),
    item: text(row.item),
  }
}

export const requestsAfter = (
  db: Reader,
  sessionId: string,
  after: number,
  limit: number,
): { n: number; line: LineOf<"request"> }[] =>
  db.all(REQUESTS, sessionId, after, limit).map((row) => ({
    n: row.n as number,
    line: {
      kind: "request",
      of: row.kind as string,
      method: row.method as string,
      turnId: text(row.turn_id),
      itemId: text(row.item_id),
      summary: row.summary as string,
      params: row.params as string,
      createdAt: row.created_at as number,
      state: row.state as string,
      decision: text(row.decision),
      decidedBy: text(row.decided_by),
      decidedAt: number(row.decided_at),
      reason: text(row.reason),
    },
  }))

export const usageOf = (db: Reader, sessionId: string): LineOf<"usage">[] =>
  db.all(USAGE, sessionId).map((row) => ({
    kind: "usage",
    turnId: row.turn_id as string,
    day: row.day as string,
    model: row.model as string,
    calls: row.calls as number,
    total: row.total as number,
    input: row.input as number,
    cached: row.cached as number,
    cacheWrite: row.cache_write as number,
    output: row.output as number,
    reasoning: row.reasoning as number,
  }))

export function putTurn(tx: Tx, sessionId: string, t: LineOf<"turn">): void {
  const times = [t.startedAt, t.completedAt]
  tx.run(PUT_TURN, sessionId, t.id, t.place, t.status, t.error, ...times, t.of, t.controls, t.policy)
}
export interface Dropped {
  until: number
  at: number
  changed: number
}
export const putDropped = (tx: Tx, sessionId: string, { until, at, changed }: Dropped): void =>
  void tx.run(PUT_DROPPED, sessionId, newId(), at, changed, until)
/** When the last turn had ended that was dropped for its age. */
export const droppedBefore = (db: Reader, sessionId: string): number | null =>
  number(db.get(DROPPED, sessionId)?.until)

export function putEntry(tx: Tx, sessionId: string, e: LineOf<"entry">, changed: number): void {
  const place: SqlValue[] = [e.messageId, e.turnId, e.place, e.spot, e.role, e.type, e.status, e.author]
  const times = [e.startedAt, e.completedAt]
  tx.run(PUT_ENTRY, sessionId, ...place, ...times, e.anchor, changed, JSON.stringify(e.entry), e.item)
}
export function putRequest(tx: Tx, sessionId: string, r: LineOf<"request">, id: string): void {
  const about: SqlValue[] = [
    r.turnId,
    r.itemId,
    `import:${sessionId}`,
    JSON.stringify(id),
    r.summary,
    r.params,
  ]
  const decided = [r.decision, r.decidedBy, r.decidedAt, r.reason]
  tx.run(PUT_REQUEST, id, r.of, r.method, sessionId, ...about, r.createdAt, r.state, ...decided)
}
export function putUsage(tx: Tx, sessionId: string, u: LineOf<"usage">): void {
  const tokens = [u.calls, u.total, u.input, u.cached, u.cacheWrite, u.output, u.reasoning]
  tx.run(PUT_USAGE, sessionId, u.turnId, u.day, u.model, ...tokens)
}

const text = (value: SqlValue | undefined): string | null => (value as string | null) ?? null
const number = (value: SqlValue | undefined): number | null => (value as number | null) ?? null
