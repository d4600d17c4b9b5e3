// The ledger's rows, in order of place (that of their turn in the session) and, within it, of arrival (the rowid).

import type { Reader, Row, Tx } from "../../base/storage/port.ts"
import type { Entry } from "./entry.ts"

export interface EntryRow extends Entry {
  place: number
  /** The app-server's item as JSON, where the entry stands for one. */
  item: string | undefined
}

const GET = `SELECT * FROM entries WHERE session_id = ? AND message_id = ?`
/** Rows of turns that were taken back are kept and shown nowhere. */
const OF_SESSION = `SELECT * FROM entries AS e WHERE session_id = ? AND NOT EXISTS (SELECT 1 FROM turns AS t
    WHERE t.session_id = e.session_id AND t.id = e.turn_id AND t.rolled_back_at IS NOT NULL) ORDER BY place, rowid`
const SHIFT = `UPDATE entries SET place = place + ? WHERE session_id = ?`
const COPY = `INSERT INTO entries (session_id, message_id, turn_id, place, role, type, content, details, status, started_at,
    completed_at, item)
  SELECT ?1, e.message_id, e.turn_id, e.place, e.role, e.type, e.content, e.details, e.status, e.started_at, e.completed_at, e.item
  FROM entries AS e JOIN turns AS t ON t.session_id = e.session_id AND t.id = e.turn_id
  WHERE e.session_id = ?2 AND e.item IS NOT NULL AND t.status <> 'inProgress' AND t.rolled_back_at IS NULL
  ORDER BY e.place, e.rowid ON CONFLICT DO NOTHING`
const OF_TYPE = `SELECT * FROM entries WHERE session_id = ? AND type = ?`
const OF_TURN = `SELECT * FROM entries WHERE session_id = ? AND turn_id = ? ORDER BY place, rowid`
const STREAMING = `SELECT * FROM entries WHERE session_id = ? AND status = 'streaming'`
const STREAMING_ANYWHERE = `SELECT session_id, message_id, turn_id FROM entries WHERE status = 'streaming'`
const PLACE_OF_TURN = `SELECT place FROM turns WHERE session_id = ? AND id = ?`
const PLACE_OF_ENTRIES = `SELECT place FROM entries WHERE session_id = ? AND turn_id = ? LIMIT 1`
const LAST_PLACE = `SELECT max(coalesce((SELECT max(place) FROM entries WHERE session_id = ?1), 0),
  coalesce((SELECT max(place) FROM turns WHERE session_id = ?1), 0)) AS place`
const FORGET = `DELETE FROM entries WHERE session_id = ?`
const PUT = `INSERT INTO entries (session_id, message_id, turn_id, place, role, type, content, details, status,
    started_at, completed_at, item)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (session_id, message_id) DO UPDATE SET turn_id = excluded.turn_id, role = excluded.role,
    type = excluded.type, content = excluded.content, details = excluded.details, status = excluded.status,
    started_at = excluded.started_at, completed_at = excluded.completed_at, item = excluded.item`

export const readEntry = (db: Reader, sessionId: string, messageId: string): EntryRow | undefined => {
  const row = db.get(GET, sessionId, messageId)
  return row && entryOf(row)
}
export const entriesOf = (db: Reader, sessionId: string): EntryRow[] =>
  db.all(OF_SESSION, sessionId).map(entryOf)
export const entriesOfTurn = (db: Reader, sessionId: string, turnId: string): EntryRow[] =>
  db.all(OF_TURN, sessionId, turnId).map(entryOf)
export const entriesOfType = (db: Reader, sessionId: string, type: string): EntryRow[] =>
  db.all(OF_TYPE, sessionId, type).map(entryOf)
export const streamingOf = (db: Reader, sessionId: string): EntryRow[] =>
  db.all(STREAMING, sessionId).map(entryOf)

/** Every row that still streams, over all sessions: looked at once, at the start. */
export const streamingAnywhere = (db: Reader) =>
  db.all(STREAMING_ANYWHERE).map((row) => ({
    sessionId: row.session_id as string,
    messageId: row.message_id as string,
    turnId: row.turn_id as string,
  }))

/** The place of a turn's entries: its own, else that of entries which name it, else one after everything. */
export function placeOf(db: Reader, sessionId: string, turnId: string): number {
  const known = db.get(PLACE_OF_TURN, sessionId, turnId) ?? db.get(PLACE_OF_ENTRIES, sessionId, turnId)
  return known ? (known.place as number) : lastPlace(db, sessionId) + 1
}
export const lastPlace = (db: Reader, sessionId: string): number =>
  db.get(LAST_PLACE, sessionId)?.place as number

export const forgetEntries = (tx: Tx, sessionId: string): void => void tx.run(FORGET, sessionId)

/** A fork has the items of the turns that have ended; what else stands in the transcript was told of the source. */
export function copyEntries(
  tx: Tx,
  { from, to, places }: { from: string; to: string; places: number },
): void {
  tx.run(SHIFT, places, to)
  tx.run(COPY, to, from)
}

export function writeEntry(tx: Tx, sessionId: string, e: EntryRow): void {
  tx.run(
    PUT,
    sessionId,
    e.messageId,
    e.turnId,
    e.place,
    e.role,
    e.type,
    e.content,
    e.details ?? null,
    e.status,
    e.startedAt ?? null,
    e.completedAt ?? null,
    e.item ?? null,
  )
}

function entryOf(row: Row): EntryRow {
  return {
    messageId: row.message_id as string,
    turnId: row.turn_id as string,
    role: row.role as Entry["role"],
    type: row.type as string,
    content: row.content as string,
    details: (row.details as string | null) ?? undefined,
    status: row.status as Entry["status"],
    startedAt: (row.started_at as number | null) ?? undefined,
    completedAt: (row.completed_at as number | null) ?? undefined,
    place: row.place as number,
    item: (row.item as string | null) ?? undefined,
  }
}
