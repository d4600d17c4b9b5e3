// The tombstones table: sessions that were deleted here, for as long as the child might still show their threads.

import type { Reader, Row, Tx } from "../../../base/storage/port.ts"

export interface Tombstone {
  sessionId: string
  title: string | undefined
  /** The child's id of the thread where it was another. */
  innerId: string | undefined
  deletedAt: number
  /** Since when no list of the child has it; undefined while it may be there. */
  absentSince: number | undefined
}

const GET = `SELECT * FROM tombstones WHERE session_id = ?`
const IDS = `SELECT session_id, inner_id FROM tombstones`
const PUT = `INSERT INTO tombstones (session_id, title, inner_id, deleted_at, absent_since) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (session_id) DO UPDATE SET absent_since = excluded.absent_since`
const PRESENT = `SELECT * FROM tombstones WHERE absent_since IS NULL`
const ABSENT_BEFORE = `SELECT * FROM tombstones WHERE absent_since < ?`
const DROP = `DELETE FROM tombstones WHERE session_id = ?`

export const readTombstone = (db: Reader, id: string): Tombstone | undefined => tombstoneOf(db.get(GET, id))
export const tombstoneIds = (db: Reader) =>
  db.all(IDS).map((row) => ({
    outer: row.session_id as string,
    inner: (row.inner_id as string | null) ?? undefined,
  }))
export const presentTombstones = (db: Reader): Tombstone[] =>
  db.all(PRESENT).flatMap((row) => tombstoneOf(row) ?? [])
export const absentTombstones = (db: Reader, before: number): Tombstone[] =>
  db.all(ABSENT_BEFORE, before).flatMap((row) => tombstoneOf(row) ?? [])
export const dropTombstone = (tx: Tx, id: string): void => void tx.run(DROP, id)

export function writeTombstone(tx: Tx, t: Tombstone): void {
  tx.run(PUT, t.sessionId, t.title ?? null, t.innerId ?? null, t.deletedAt, t.absentSince ?? null)
}

function tombstoneOf(row: Row | undefined): Tombstone | undefined {
  if (!row) return undefined
  return {
    sessionId: row.session_id as string,
    title: (row.title as string | null) ?? undefined,
    innerId: (row.inner_id as string | null) ?? undefined,
    deletedAt: row.deleted_at as number,
    absentSince: (row.absent_since as number | null) ?? undefined,
  }
}
