// The outbox table: what was decided here and the child has still to be told, oldest first.

import type { Reader, Row, Tx } from "../../../base/storage/port.ts"

export type OutboxAct = "name" | "archive" | "unarchive" | "delete"

export interface OutboxRow {
  id: number
  sessionId: string
  act: OutboxAct
  /** What the act needs, as JSON. */
  body: string
  /** How often the child was asked. */
  attempts: number
}

export interface NewAct {
  sessionId: string
  act: OutboxAct
  body: unknown
  /** Epoch milliseconds. */
  at: number
}

const PUT = `INSERT INTO outbox (session_id, act, body, created_at) VALUES (?, ?, ?, ?) RETURNING id`
const NEXT = `SELECT * FROM outbox WHERE session_id = ? AND id > ? ORDER BY id LIMIT 1`
const SESSIONS = `SELECT session_id FROM outbox GROUP BY session_id ORDER BY min(id)`
const ACTS = `SELECT 1 AS one FROM outbox WHERE session_id = ? AND act IN ('archive', 'unarchive') LIMIT 1`
const LAST_ARCHIVE = `SELECT * FROM outbox WHERE session_id = ? AND act = 'archive' ORDER BY id DESC LIMIT 1`
const ARCHIVING = `SELECT DISTINCT session_id FROM outbox WHERE act IN ('archive', 'unarchive')`
const KEPT = `SELECT session_id FROM outbox WHERE act = 'delete' AND attempts = 0 ORDER BY id DESC`
// Acts from before their time was noted say nothing of it.
const SIZE = `SELECT count(*) AS length, min(nullif(created_at, 0)) AS oldest FROM outbox`
const TRY = `UPDATE outbox SET attempts = attempts + 1 WHERE id = ?`
const UNTRY = `UPDATE outbox SET attempts = attempts - 1 WHERE id = ?`
const DROP = `DELETE FROM outbox WHERE id = ?`
const FORGET = `DELETE FROM outbox WHERE session_id = ?`
const FORGET_NAMES = `DELETE FROM outbox WHERE session_id = ? AND act = 'name'`

export const putOutbox = (tx: Tx, { sessionId, act, body, at }: NewAct): number =>
  tx.get(PUT, sessionId, act, JSON.stringify(body ?? null), at)?.id as number
/** The first row of a session after the row `after`. */
export const nextOutbox = (db: Reader, sessionId: string, after = 0): OutboxRow | undefined =>
  outboxOf(db.get(NEXT, sessionId, after))
export const outboxSessions = (db: Reader): string[] =>
  db.all(SESSIONS).map((row) => row.session_id as string)
export const hasArchiving = (db: Reader, sessionId: string): boolean => db.get(ACTS, sessionId) !== undefined
export const lastArchive = (db: Reader, sessionId: string): OutboxRow | undefined =>
  outboxOf(db.get(LAST_ARCHIVE, sessionId))
export const archivingSessions = (db: Reader): string[] =>
  db.all(ARCHIVING).map((row) => row.session_id as string)
/** Deleted sessions whose threads the child would not let go of, the newest first: older ones may be what they were made of. */
export const keptSessions = (db: Reader): string[] => db.all(KEPT).map((row) => row.session_id as string)
export function sizeOfOutbox(db: Reader): { length: number; oldestAt: number | undefined } {
  const row = db.get(SIZE)
  return { length: Number(row?.length ?? 0), oldestAt: (row?.oldest as number | null) ?? undefined }
}
export const noteAttempt = (tx: Tx, id: number): void => void tx.run(TRY, id)
export const takeAttemptBack = (tx: Tx, id: number): void => void tx.run(UNTRY, id)
export const dropOutbox = (tx: Tx, id: number): void => void tx.run(DROP, id)
export const forgetOutbox = (tx: Tx, sessionId: string): void => void tx.run(FORGET, sessionId)

export const forgetNames = (tx: Tx, sessionId: string): void => void tx.run(FORGET_NAMES, sessionId)

function outboxOf(row: Row | undefined): OutboxRow | undefined {
  if (!row) return undefined
  return {
    id: row.id as number,
    sessionId: row.session_id as string,
    act: row.act as OutboxAct,
    body: row.body as string,
    attempts: row.attempts as number,
  }
}
