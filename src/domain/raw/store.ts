// The table of raw response items. Their bodies are packed: most of them repeat what the model was told before.

import type { Reader, Row, SqlValue, Tx } from "../../base/storage/port.ts"

export interface StoredRaw {
  n: number
  turnId: string | null
  at: number
  body: string | Uint8Array
}
export interface AskRaw {
  sessionId: string
  turnId?: string | undefined
  /** Those behind that one. */
  after: number
  limit: number
}

const ADD = `INSERT INTO raw_items (session_id, turn_id, at, size, body) VALUES (?, ?, ?, ?, ?)`
const LIST = `SELECT n, turn_id, at, body FROM raw_items WHERE session_id = ?1 AND n > ?2 AND (?3 IS NULL OR turn_id = ?3)
  ORDER BY n LIMIT ?4`
const TAKEN = `SELECT coalesce(sum(size), 0) AS bytes FROM raw_items`
const OLDEST = `SELECT n, at, size FROM raw_items ORDER BY n LIMIT ?`
const DROP = `DELETE FROM raw_items WHERE n <= ?`

export function addRaw(
  tx: Tx,
  { sessionId, turnId, at, body }: Omit<StoredRaw, "n"> & { sessionId: string },
): void {
  tx.run(ADD, sessionId, turnId, at, body.length, body)
}
export const rawItems = (db: Reader, { sessionId, turnId, after, limit }: AskRaw): StoredRaw[] =>
  db.all(LIST, sessionId, after, turnId ?? null, limit).map(rawOf)
export const takenBytes = (db: Reader): number => db.get(TAKEN)?.bytes as number
export const oldestRaw = (db: Reader, limit: number): { n: number; at: number; size: number }[] =>
  db.all(OLDEST, limit).map((row) => ({ n: row.n as number, at: row.at as number, size: row.size as number }))
export const dropRawUntil = (tx: Tx, n: number): void => void tx.run(DROP, n)

const rawOf = (row: Row): StoredRaw => ({
  n: row.n as number,
  turnId: row.turn_id as string | null,
  at: row.at as number,
  body: row.body as Exclude<SqlValue, number | bigint | null>,
})
