// What questions ask of the index, and of the entries that it found.

import type { Reader, Row } from "../../../../base/storage/port.ts"
import { searchableOf } from "../store.ts"
import type { Searchable } from "../text.ts"
import type { Term } from "./question.ts"
import type { Told } from "./rank.ts"

// The whole of a list as one text: ten thousand rows would cost more than finding them.
const ids = (rows: string): string => `SELECT json_group_array(id) AS ids FROM (${rows})`
const MATCHES = `SELECT rowid AS id FROM search_index
  WHERE search_index MATCH ?1 AND rowid >= CAST(?2 AS INTEGER) AND rowid < CAST(?3 AS INTEGER)`
// In the index's own order: backwards costs a third more.
const FIRST = ids(`${MATCHES} LIMIT ?4`)
const NEWEST = ids(`${MATCHES} ORDER BY rowid DESC LIMIT ?4`)
const COUNT = `SELECT count(*) AS n FROM (${MATCHES} LIMIT ?4)`
// Bounded: a word may stand a thousand times in each of its documents.
const standing = (
  which: string,
): string => `SELECT json_group_array(doc) FILTER (WHERE col = 'content') AS content,
  json_group_array(doc) FILTER (WHERE col IN ('more', 'parts')) AS elsewhere
  FROM (SELECT doc, col FROM search_words WHERE ${which} LIMIT 50000)`
const STANDS = standing(`term = ?1`)
// No word goes on beyond the last sign there is.
const BEGINS = standing(`term >= ?1 AND term <= ?1 || char(0x10ffff)`)
const TIMES = `SELECT count(*) AS n FROM (SELECT 1 FROM search_words WHERE term = ? LIMIT ?)`
const WRITTEN = `SELECT max(seq) AS n FROM entries`
// One that was taken back may wait in search_pending behind thousands.
const ROW = `SELECT d.id, e.session_id, e.message_id, e.turn_id, e.role, e.type, e.content, e.details, e.item, e.status,
    coalesce(e.started_at, e.completed_at) AS at, s.archived, s.project_id, s.system_owned
  FROM search_docs AS d JOIN entries AS e ON e.seq = d.seq
  JOIN sessions AS s ON s.id = e.session_id WHERE d.id = CAST(? AS INTEGER)
    AND e.hidden = 0`
const OF_PROJECT = `SELECT id FROM sessions WHERE project_id = ? ORDER BY updated_at DESC LIMIT ?`

export interface Asked {
  match: string
  from: number
  before: number
}
const idsOf = (json: unknown): number[] => JSON.parse(json as string) as number[]

/** Up to `most` ids, in no order that is promised. */
export const matchesOf = (db: Reader, { match, from, before }: Asked, most: number): number[] =>
  idsOf(db.get(FIRST, match, from, before, most)?.ids)
export const newestMatches = (db: Reader, { match, from, before }: Asked, most: number): number[] =>
  idsOf(db.get(NEWEST, match, from, before, most)?.ids)
/** How many documents of it there are before that id, counted up to `most`. */
export const countOf = (db: Reader, { match, before }: Omit<Asked, "from">, most: number): number =>
  db.get(COUNT, match, 0, before, most)?.n as number

/** Where a term stands: ids, each as often as it does. Of a phrase that is its rarest word; nothing if that stands more than `most` times. */
export function standsIn(db: Reader, { words, prefix }: Term, most: number): Standing {
  const isPhrase = words.length > 1
  const row = isPhrase
    ? rarestOf(db, words.slice(0, prefix ? -1 : undefined), most)
    : db.get(prefix ? BEGINS : STANDS, words[0] ?? "")
  return { content: idsOf(row?.content ?? "[]"), elsewhere: idsOf(row?.elsewhere ?? "[]"), isPhrase }
}
export type Standing = Pick<Told, "content" | "elsewhere" | "isPhrase">
/** Of a phrase that are looked at. */
const MOST_WORDS = 8

function rarestOf(db: Reader, words: string[], most: number): Row | undefined {
  const counted = words.slice(0, MOST_WORDS).map((word) => ({ word, n: timesOf(db, word, most + 1) }))
  const rarest = counted.reduce((one, other) => (other.n < one.n ? other : one))
  return rarest.n > most ? undefined : db.get(STANDS, rarest.word)
}
const timesOf = (db: Reader, word: string, most: number): number => db.get(TIMES, word, most)?.n as number

/** No fewer than there are documents. */
export const writtenEver = (db: Reader): number => (db.get(WRITTEN)?.n as number | null) ?? 0

export interface Found extends Searchable {
  id: number
  sessionId: string
  messageId: string
  turnId: string
  role: string
  status: string
  /** Epoch milliseconds. */
  at: number | undefined
  archived: boolean
  projectId: string | null
  hidden: boolean
}
export const readFound = (db: Reader, id: number): Found | undefined => {
  const row = db.get(ROW, id)
  return row && foundOf(row)
}
/** The sessions of a project, those that were used last. */
export const sessionsIn = (db: Reader, projectId: string, most: number): string[] =>
  db.all(OF_PROJECT, projectId, most).map((row) => row.id as string)

const foundOf = (row: Row): Found => ({
  ...searchableOf(row),
  id: row.id as number,
  sessionId: row.session_id as string,
  messageId: row.message_id as string,
  turnId: row.turn_id as string,
  role: row.role as string,
  status: row.status as string,
  at: (row.at as number | null) ?? undefined,
  archived: row.archived === 1,
  projectId: row.project_id as string | null,
  hidden: row.system_owned === 1,
})
