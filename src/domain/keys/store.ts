// Idempotency keys: what was asked under a key, and the answer once there is one.

import type { Reader, Row, Tx } from "../../base/storage/port.ts"

export interface KeyRow {
  scope: string
  key: string
  /** Given to the app-server with the message, where it tells it back. */
  id: string
  /** A hash of what was asked. */
  body: string
  tracked: boolean
  /** JSON; undefined while nobody knows. */
  answer: string | undefined
}

const GET = `SELECT * FROM idempotency_keys WHERE scope = ? AND key = ?`
const ADD = `INSERT INTO idempotency_keys (scope, key, id, body, tracked, created_at) VALUES (?, ?, ?, ?, ?, ?)`
const TRACK = `UPDATE idempotency_keys SET tracked = ? WHERE scope = ? AND key = ?`
const ANSWER = `UPDATE idempotency_keys SET answer = ? WHERE scope = ? AND key = ?`
const DROP = `DELETE FROM idempotency_keys WHERE scope = ? AND key = ? AND answer IS NULL`
const PRUNE = `DELETE FROM idempotency_keys WHERE created_at < ?`

type Name = Pick<KeyRow, "scope" | "key">

export const readKey = (db: Reader, { scope, key }: Name): KeyRow | undefined =>
  rowOf(db.get(GET, scope, key))

export function addKey(tx: Tx, row: KeyRow, at: number): void {
  tx.run(ADD, row.scope, row.key, row.id, row.body, Number(row.tracked), at)
}
export const trackKey = (tx: Tx, { scope, key }: Name, tracked: boolean): void =>
  void tx.run(TRACK, Number(tracked), scope, key)
export const answerKey = (tx: Tx, { scope, key }: Name, answer: string): void =>
  void tx.run(ANSWER, answer, scope, key)
/** One with an answer stays. */
export const dropKey = (tx: Tx, { scope, key }: Name): void => void tx.run(DROP, scope, key)
export const pruneKeys = (tx: Tx, before: number): void => void tx.run(PRUNE, before)

function rowOf(row: Row | undefined): KeyRow | undefined {
  if (!row) return undefined
  return {
    scope: row.scope as string,
    key: row.key as string,
    id: row.id as string,
    body: row.body as string,
    tracked: row.tracked === 1,
    answer: (row.answer as string | null) ?? undefined,
  }
}
