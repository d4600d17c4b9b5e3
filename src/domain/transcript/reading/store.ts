// The statements of reading, over the table of ../store.ts.

import type { Reader, Row } from "../../../base/storage/port.ts"

export interface Spot {
  place: number
  spot: string
}
export interface StoredEntry extends Spot {
  messageId: string
  json: string
}

const IN_ORDER = `FROM entries INDEXED BY entries_in_order WHERE session_id = ? AND hidden = 0`
// The rows come in the index's order; SQLite joins them in the order in which they come.
const ENTRIES = `SELECT group_concat(json, ',') AS text FROM (SELECT json ${IN_ORDER} ORDER BY place, spot)`
const ITEMS = `SELECT turn_id, group_concat(item, ',') AS text FROM (SELECT turn_id, place, item ${IN_ORDER} AND item IS NOT NULL
  ORDER BY place, spot) GROUP BY place`
const LAST = `SELECT message_id, place, spot, json ${IN_ORDER} ORDER BY place DESC, spot DESC LIMIT ?`
const BEFORE = `SELECT message_id, place, spot, json ${IN_ORDER} AND (place, spot) < (?, ?) ORDER BY place DESC, spot DESC LIMIT ?`
const WHERE_IS = `SELECT place, spot FROM entries WHERE session_id = ? AND message_id = ?`
const CHANGED = `SELECT message_id, place, spot, json FROM entries WHERE hidden = 0 AND seq IN (
    SELECT seq FROM entries WHERE session_id = ?1 AND changed > ?2
    UNION SELECT seq FROM entries WHERE session_id = ?1 AND status = 'streaming')
  ORDER BY place, spot`
const HIDDEN = `SELECT message_id FROM entries WHERE session_id = ? AND hidden = 1 ORDER BY place, spot`
const DROPPED = `SELECT max(dropped_until) AS until, max(dropped) AS n FROM turns WHERE session_id = ? AND dropped IS NOT NULL`

export const joinedEntries = (db: Reader, sessionId: string): string =>
  (db.get(ENTRIES, sessionId)?.text as string | null) ?? ""

export const joinedItems = (db: Reader, sessionId: string): Map<string, string> =>
  new Map(db.all(ITEMS, sessionId).map((row) => [row.turn_id as string, row.text as string]))

export const whereIs = (db: Reader, sessionId: string, messageId: string): Spot | undefined => {
  const row = db.get(WHERE_IS, sessionId, messageId)
  return row && { place: row.place as number, spot: row.spot as string }
}

/** Newest first. */
export const pageOf = (
  db: Reader,
  sessionId: string,
  { at, limit }: { at: Spot | undefined; limit: number },
): StoredEntry[] =>
  (at ? db.all(BEFORE, sessionId, at.place, at.spot, limit) : db.all(LAST, sessionId, limit)).map(storedOf)

/** What was written since event `n` had been told, and what still streams, in order. */
export const changedSince = (db: Reader, sessionId: string, n: number): StoredEntry[] =>
  db.all(CHANGED, sessionId, n).map(storedOf)

/** Of turns that were taken back. */
export const hiddenEntries = (db: Reader, sessionId: string): string[] =>
  db.all(HIDDEN, sessionId).map((row) => row.message_id as string)

/** Up to which end turns were dropped for their age, and the first event that may tell of the last time that it was done. */
export function dropped(db: Reader, sessionId: string): { until: number; n: number } | undefined {
  const row = db.get(DROPPED, sessionId)
  return row?.until == null ? undefined : { until: row.until as number, n: row.n as number }
}

export const predecessor = (db: Reader, sessionId: string, at: Spot): string | undefined =>
  db.get(BEFORE, sessionId, at.place, at.spot, 1)?.message_id as string | undefined

const storedOf = (row: Row): StoredEntry => ({
  messageId: row.message_id as string,
  place: row.place as number,
  spot: row.spot as string,
  json: row.json as string,
})
