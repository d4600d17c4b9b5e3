// Requests by the moment from which nobody is waited for any more.

import type { Reader } from "../../../base/storage/port.ts"

const DUE = `SELECT id FROM requests WHERE due_at IS NOT NULL AND state IN ('open', 'orphaned') AND due_at <= ? ORDER BY due_at, rowid LIMIT 100`
const NEXT = `SELECT min(due_at) AS at FROM requests WHERE due_at IS NOT NULL AND state IN ('open', 'orphaned')`

/** Those that are due, the longest first; a hundred at a time. */
export const dueRequests = (db: Reader, now: number): string[] =>
  db.all(DUE, now).map((row) => row.id as string)
export const nextDueAt = (db: Reader): number | undefined => (db.get(NEXT)?.at as number | null) ?? undefined
