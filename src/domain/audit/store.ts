// The audit of reloads: rows that are only ever added.

import type { Reader, Tx } from "../../base/storage/port.ts"

const ADD = `INSERT INTO extension_audit (record) VALUES (?)`
const NEWEST = `SELECT record FROM extension_audit ORDER BY n DESC LIMIT ?`

export const addRecord = (tx: Tx, record: string): void => void tx.run(ADD, record)
/** The newest, oldest first, as JSON. */
export const newestRecords = (db: Reader, count: number): string[] =>
  db
    .all(NEWEST, count)
    .map((row) => row.record as string)
    .reverse()
