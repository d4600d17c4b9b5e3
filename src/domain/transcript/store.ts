// The ledger's rows, in order of place (that of their turn in the session) and of spot (within the turn).

import type { Reader, Row, Tx } from "../../base/storage/port.ts"
import { anchorOf, type Entry, type EntryStatus, entryText, OUTCOMES } from "./entry.ts"

export interface EntryRow extends Entry {
  /** Given on first insertion, over all sessions; the rowid. */
  seq: number
  place: number
  spot: string
  /** Of a turn that was taken back: kept, and shown nowhere. A trigger keeps it true. */
  hidden: boolean
  /** The app-server's item as JSON, where the entry stands for one. */
  item: string | undefined
  /** What clients read in place of the status; undefined where that is the status. */
  shownAs: EntryStatus | undefined
}

/** Turns that nobody runs have no place of their own: from here on, in the order of their first rows. */
export const PLACELESS = 2 ** 40

const GET = `SELECT * FROM entries WHERE session_id = ? AND message_id = ?`
const OF_SESSION = `SELECT * FROM entries WHERE session_id = ? AND hidden = 0 ORDER BY place, spot`
const OF_TYPE = `SELECT * FROM entries WHERE session_id = ? AND type = ?`
const OF_TURN = `SELECT * FROM entries WHERE session_id = ? AND turn_id = ? ORDER BY place, spot`
const ALIKE = `SELECT * FROM entries WHERE session_id = ? AND turn_id = ? AND role = ? AND type = ? AND hidden = 0 AND message_id <> ?`
// Along the index of ids (the plus): nearly no session has any, and a turn may be long.
const MADE_UP = ["item", "Item", "ITEM"]
  .map(
    (
      word,
    ) => `SELECT * FROM entries WHERE session_id = ?1 AND +turn_id = ?2 AND message_id >= '${word}-' AND message_id < '${word}.'
  AND item IS NULL AND hidden = 0`,
  )
  .join(" UNION ALL ")
const STREAMING = `SELECT * FROM entries WHERE session_id = ? AND status = 'streaming'`
const STREAMING_ANYWHERE = `SELECT session_id, message_id, turn_id FROM entries WHERE status = 'streaming' AND item IS NOT NULL`
const FLOATING = `SELECT * FROM entries WHERE session_id = ? AND place = ? AND spot > ? AND item IS NULL ORDER BY seq`
const ANCHORED = `SELECT * FROM entries WHERE session_id = ? AND anchor = ? AND turn_id = ? ORDER BY seq`

const NEXT_SEQ = `SELECT coalesce(max(seq), 0) + 1 AS seq FROM entries`
const LAST_SPOT = `SELECT spot FROM entries WHERE session_id = ? AND place = ? ORDER BY spot DESC LIMIT 1`
const LAST_ASSISTANT = `SELECT spot FROM entries WHERE session_id = ? AND place = ? AND role = 'assistant' AND item IS NOT NULL
  ORDER BY spot DESC LIMIT 1`
const TURN = `SELECT place, status, rolled_back_at, asked_by FROM turns WHERE session_id = ? AND id = ?`
const PLACE_OF_ENTRIES = `SELECT place FROM entries WHERE session_id = ? AND turn_id = ? LIMIT 1`
const LAST_PLACE = `SELECT max(
  coalesce((SELECT place FROM entries WHERE session_id = ?1 AND place < ${PLACELESS} ORDER BY place DESC LIMIT 1), 0),
  coalesce((SELECT max(place) FROM turns WHERE session_id = ?1), 0)) AS place`
const LAST_PLACELESS = `SELECT place FROM entries WHERE session_id = ? AND place >= ${PLACELESS} ORDER BY place DESC LIMIT 1`

const PUT = `INSERT INTO entries (seq, session_id, message_id, turn_id, place, spot, role, type, status, author, started_at,
    completed_at, hidden, anchor, changed, json, item)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (session_id, message_id) DO UPDATE SET turn_id = excluded.turn_id, place = excluded.place, spot = excluded.spot,
    role = excluded.role, type = excluded.type, status = excluded.status, author = excluded.author,
    started_at = excluded.started_at, completed_at = excluded.completed_at, hidden = excluded.hidden,
    anchor = excluded.anchor, changed = excluded.changed, json = excluded.json, item = excluded.item`
const MOVE = `UPDATE entries SET spot = ?1 || substr(spot, ?2), changed = ?3 WHERE session_id = ?4 AND place = ?5 AND spot >= ?6
  AND spot < ?7`
const SETTLE_PLACE = `UPDATE entries SET place = ?, changed = ? WHERE session_id = ? AND turn_id = ? AND place >= ${PLACELESS}`
const SHIFT = `UPDATE entries SET place = place + ?, changed = ? WHERE session_id = ? AND place < ${PLACELESS}`
const TO_COPY = `SELECT e.* FROM entries AS e JOIN turns AS t ON t.session_id = e.session_id AND t.id = e.turn_id
  WHERE e.session_id = ? AND e.item IS NOT NULL AND t.status <> 'inProgress' AND e.hidden = 0 ORDER BY e.place, e.spot`
const FORGET = `DELETE FROM entries WHERE session_id = ?`

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
/** The others of its turn with its role and type. */
export const entriesAlike = (
  db: Reader,
  sessionId: string,
  { turnId, role, type, messageId }: Entry,
): EntryRow[] => db.all(ALIKE, sessionId, turnId, role, type, messageId).map(entryOf)
/** Rows from outside under ids that histories make up. */
export const madeUpRows = (db: Reader, sessionId: string, turnId: string): EntryRow[] =>
  db.all(MADE_UP, sessionId, turnId).map(entryOf)
/** What stands behind the spot in its turn and is no item. */
export const floatingBehind = (
  db: Reader,
  at: { sessionId: string; place: number; spot: string },
): EntryRow[] => db.all(FLOATING, at.sessionId, at.place, at.spot).map(entryOf)
/** Rows that are about that entry. */
export const anchoredTo = (db: Reader, sessionId: string, { messageId, turnId }: Entry): EntryRow[] =>
  db.all(ANCHORED, sessionId, messageId, turnId).map(entryOf)
/** What a fork has of its source: the items of turns that have ended. */
export const copyable = (db: Reader, sessionId: string): EntryRow[] => db.all(TO_COPY, sessionId).map(entryOf)

/** Every item that still streams, over all sessions: looked at once, at the start. */
export const streamingAnywhere = (db: Reader) =>
  db.all(STREAMING_ANYWHERE).map((row) => ({
    sessionId: row.session_id as string,
    messageId: row.message_id as string,
    turnId: row.turn_id as string,
  }))

export const nextSeq = (db: Reader): number => db.get(NEXT_SEQ)?.seq as number

export interface TurnPlace {
  place: number
  /** It was taken back. */
  hidden: boolean
  /** What streams in it has become, once it is over. */
  outcome: EntryStatus | undefined
  /** Who asked for it, where that is told of its turn. */
  askedBy?: string | undefined
}

/** Where the turn stands: its own place, else that of rows which name it, else behind everything. */
export function placeOf(db: Reader, sessionId: string, turnId: string): TurnPlace {
  const turn = db.get(TURN, sessionId, turnId)
  if (turn) {
    const outcome = OUTCOMES[turn.status as keyof typeof OUTCOMES]
    const askedBy = (turn.asked_by as string | null) ?? undefined
    return { place: turn.place as number, hidden: turn.rolled_back_at !== null, outcome, askedBy }
  }
  const known = db.get(PLACE_OF_ENTRIES, sessionId, turnId)
  if (known) return { place: known.place as number, hidden: false, outcome: undefined }
  const last = db.get(LAST_PLACELESS, sessionId)
  return { place: last ? (last.place as number) + 1 : PLACELESS, hidden: false, outcome: undefined }
}
export const lastPlace = (db: Reader, sessionId: string): number =>
  db.get(LAST_PLACE, sessionId)?.place as number
const spotOf = (row: Row | undefined): string | undefined => row?.spot as string | undefined
export const lastSpot = (db: Reader, sessionId: string, place: number): string | undefined =>
  spotOf(db.get(LAST_SPOT, sessionId, place))
export const lastAssistant = (db: Reader, sessionId: string, place: number): string | undefined =>
  spotOf(db.get(LAST_ASSISTANT, sessionId, place))

export const forgetEntries = (tx: Tx, sessionId: string): void => void tx.run(FORGET, sessionId)
/** Moves what stands in `from` … `until` of a turn, the first row to the spot `to` and the others with it. */
export function moveSpots(
  tx: Tx,
  at: { sessionId: string; place: number },
  { from, until, to, changed }: { from: string; until: string; to: string; changed: number },
): void {
  tx.run(MOVE, to, from.length + 1, changed, at.sessionId, at.place, from, until)
}
/** A turn that rows named already has a place now. */
export const settlePlace = (
  tx: Tx,
  sessionId: string,
  at: { turnId: string; place: number; changed: number },
): void => void tx.run(SETTLE_PLACE, at.place, at.changed, sessionId, at.turnId)
/** Makes room in front of everything. */
export const shiftPlaces = (tx: Tx, sessionId: string, at: { by: number; changed: number }): void =>
  void tx.run(SHIFT, at.by, at.changed, sessionId)

export function writeEntry(tx: Tx, sessionId: string, e: EntryRow & { changed: number }): void {
  tx.run(
    PUT,
    e.seq,
    sessionId,
    e.messageId,
    e.turnId,
    e.place,
    e.spot,
    e.role,
    e.type,
    e.status,
    e.author ?? null,
    e.startedAt ?? null,
    e.completedAt ?? null,
    Number(e.hidden),
    e.item === undefined ? (anchorOf(e) ?? null) : null,
    e.changed,
    entryText({ ...e, status: e.shownAs ?? e.status }),
    e.item ?? null,
  )
}

function entryOf(row: Row): EntryRow {
  const shown = JSON.parse(row.json as string) as Entry
  const status = row.status as EntryStatus
  return {
    ...shown,
    details: shown.details ?? undefined,
    startedAt: (row.started_at as number | null) ?? undefined,
    completedAt: (row.completed_at as number | null) ?? undefined,
    author: (row.author as string | null) ?? undefined,
    status,
    shownAs: shown.status === status ? undefined : shown.status,
    seq: row.seq as number,
    place: row.place as number,
    spot: row.spot as string,
    hidden: row.hidden === 1,
    item: (row.item as string | null) ?? undefined,
  }
}
