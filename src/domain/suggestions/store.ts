// The suggestions table: what became of each request for one.

import type { Reader, Row, Tx } from "../../base/storage/port.ts"

export type SuggestionStatus = "streaming" | "complete" | "error" | "canceled"

export interface Suggestion {
  sessionId: string
  requestKey: string
  status: SuggestionStatus
  suggestion: string | undefined
  error: string | undefined
  /** Its text is the daemon's, not a worker's. */
  fallback: boolean
  /** Epoch milliseconds. */
  updatedAt: number
}

const GET = `SELECT * FROM suggestions WHERE session_id = ? AND request_key = ?`
const PUT = `INSERT INTO suggestions (session_id, request_key, status, suggestion, error, fallback, updated_at)
  VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (session_id, request_key) DO UPDATE SET status = excluded.status, suggestion = excluded.suggestion,
    error = excluded.error, fallback = excluded.fallback, updated_at = excluded.updated_at`
const PRUNE = `DELETE FROM suggestions WHERE rowid IN (SELECT rowid FROM suggestions ORDER BY updated_at DESC LIMIT -1 OFFSET ?)`
const COUNT = `SELECT count(*) AS n FROM suggestions`
const FORGET = `DELETE FROM suggestions WHERE session_id = ?`

export const readSuggestion = (db: Reader, sessionId: string, requestKey: string): Suggestion | undefined =>
  suggestionOf(db.get(GET, sessionId, requestKey))

export function writeSuggestion(tx: Tx, s: Suggestion): void {
  tx.run(
    PUT,
    s.sessionId,
    s.requestKey,
    s.status,
    s.suggestion ?? null,
    s.error ?? null,
    Number(s.fallback),
    s.updatedAt,
  )
}
/** Keeps the newest ones. */
export function pruneSuggestions(tx: Tx, most: number): void {
  if (Number(tx.get(COUNT)?.n) > most) tx.run(PRUNE, most)
}
export const forgetSuggestions = (tx: Tx, sessionId: string): void => void tx.run(FORGET, sessionId)

function suggestionOf(row: Row | undefined): Suggestion | undefined {
  if (!row) return undefined
  return {
    sessionId: row.session_id as string,
    requestKey: row.request_key as string,
    status: row.status as SuggestionStatus,
    suggestion: (row.suggestion as string | null) ?? undefined,
    error: (row.error as string | null) ?? undefined,
    fallback: row.fallback === 1,
    updatedAt: row.updated_at as number,
  }
}
