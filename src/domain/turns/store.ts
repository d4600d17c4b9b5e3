// The turns table: what ran in a session, in which run of the child, and how it ended.

import type { Reader, Row, Tx } from "../../base/storage/port.ts"

/** The app-server's words; only `inProgress` is not an end. */
export type TurnStatus = "inProgress" | "completed" | "interrupted" | "failed"

export interface Turn {
  sessionId: string
  id: string
  place: number
  status: TurnStatus
  /** The app-server's error object as JSON. */
  error: string | undefined
  runId: string | undefined
  /** Epoch milliseconds. */
  startedAt: number | undefined
  completedAt: number | undefined
}

const GET = `SELECT * FROM turns WHERE session_id = ? AND id = ?`
const OF_SESSION = `SELECT * FROM turns WHERE session_id = ? ORDER BY place`
const ACTIVE = `SELECT * FROM turns WHERE session_id = ? AND status = 'inProgress' ORDER BY place DESC LIMIT 1`
const RUNNING = `SELECT * FROM turns WHERE status = 'inProgress'`
const PUT = `INSERT INTO turns (session_id, id, place, status, error, run_id, started_at, completed_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (session_id, id) DO UPDATE SET status = excluded.status, error = excluded.error,
    run_id = excluded.run_id, started_at = excluded.started_at, completed_at = excluded.completed_at`
const KEEP_SAID = `INSERT INTO said (session_id, turn_id, text) VALUES (?, ?, ?)`
const TAKE_SAID = `DELETE FROM said WHERE session_id = ? AND turn_id = ? RETURNING rowid, text`

export const readTurn = (db: Reader, sessionId: string, id: string): Turn | undefined =>
  turnOf(db.get(GET, sessionId, id))
export const turnsOf = (db: Reader, sessionId: string): Turn[] =>
  db.all(OF_SESSION, sessionId).flatMap((r) => turnOf(r) ?? [])
export const activeTurn = (db: Reader, sessionId: string): Turn | undefined =>
  turnOf(db.get(ACTIVE, sessionId))
export const runningTurns = (db: Reader): Turn[] => db.all(RUNNING).flatMap((r) => turnOf(r) ?? [])

export function writeTurn(tx: Tx, t: Turn): void {
  tx.run(
    PUT,
    t.sessionId,
    t.id,
    t.place,
    t.status,
    t.error ?? null,
    t.runId ?? null,
    t.startedAt ?? null,
    t.completedAt ?? null,
  )
}

export const keepSaid = (tx: Tx, { sessionId, id }: Turn, text: string): void =>
  void tx.run(KEEP_SAID, sessionId, id, text)

/** What was said to the turn, in order; it is kept no longer. */
export function takeSaid(tx: Tx, { sessionId, id }: Turn): string[] {
  const rows = tx.all(TAKE_SAID, sessionId, id)
  return rows.sort((a, b) => Number(a.rowid) - Number(b.rowid)).map(({ text }) => text as string)
}

function turnOf(row: Row | undefined): Turn | undefined {
  if (!row) return undefined
  return {
    sessionId: row.session_id as string,
    id: row.id as string,
    place: row.place as number,
    status: row.status as TurnStatus,
    error: (row.error as string | null) ?? undefined,
    runId: (row.run_id as string | null) ?? undefined,
    startedAt: (row.started_at as number | null) ?? undefined,
    completedAt: (row.completed_at as number | null) ?? undefined,
  }
}
