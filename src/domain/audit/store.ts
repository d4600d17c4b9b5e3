// The audit of reloads: rows that are added and, when they are too many, removed; none is ever changed.

import type { Reader, Tx } from "../../base/storage/port.ts"

const ADD = `INSERT INTO extension_audit (record) VALUES (?)`
const NEWEST = `SELECT record FROM extension_audit ORDER BY n DESC LIMIT ?`

const DROP = `DELETE FROM extension_audit WHERE n <= (SELECT max(n) FROM extension_audit) - ?`

/** Of all but the newest `keep` nothing is left. */
export function addRecord(tx: Tx, record: string, keep: number): void {
  tx.run(ADD, record)
  tx.run(DROP, keep)
}
/** The newest, oldest first, as JSON. */
export const newestRecords = (db: Reader, count: number): string[] =>
  db
    .all(NEWEST, count)
    .map((row) => row.record as string)
    .reverse()
