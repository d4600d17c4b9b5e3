// The index's documents, and what it still has to take in.

import type { Reader, Row, Tx } from "../../../base/storage/port.ts"
import { freeId, withLook } from "./ids.ts"
import type { Searchable } from "./text.ts"

const IS_PENDING = `SELECT EXISTS (SELECT 1 FROM search_pending) AS yes`
const COUNT_PENDING = `SELECT count(*) AS n FROM search_pending`
// The newest first: what is said now doesn't wait for what came by the thousand.
const PENDING = `SELECT p.seq, e.session_id, e.role, e.type, e.content, e.details, e.item, e.status, e.started_at, e.completed_at,
    e.hidden, s.system_owned, d.id
  FROM search_pending AS p
  LEFT JOIN entries AS e ON e.seq = p.seq
  LEFT JOIN sessions AS s ON s.id = e.session_id
  LEFT JOIN search_docs AS d ON d.seq = p.seq ORDER BY p.seq DESC LIMIT ?`
// Without a look at the texts themselves.
const SIZES = `SELECT octet_length(e.json) + ifnull(octet_length(e.item), 0) AS bytes
  FROM search_pending AS p LEFT JOIN entries AS e ON e.seq = p.seq ORDER BY p.seq DESC LIMIT ?`
const TAKEN = `DELETE FROM search_pending WHERE seq = ?`
const LAST_BETWEEN = `SELECT max(id) AS id FROM search_docs WHERE id >= CAST(? AS INTEGER) AND id < CAST(? AS INTEGER)`
const LAST = `SELECT max(id) AS id FROM search_docs`
const PUT_DOC = `INSERT INTO search_docs (id, seq) VALUES (CAST(? AS INTEGER), ?)`
const MOVE_DOC = `UPDATE search_docs SET id = CAST(? AS INTEGER) WHERE seq = ?`
const DROP_DOC = `DELETE FROM search_docs WHERE id = CAST(? AS INTEGER)`
const PUT_WORDS = `INSERT INTO search_index (rowid, content, more, parts, tags) VALUES (CAST(? AS INTEGER), ?, ?, ?, ?)`
const DROP_WORDS = `DELETE FROM search_index WHERE rowid = CAST(? AS INTEGER)`

export interface Pending extends Searchable {
  /** The entry's number. */
  seq: number
  sessionId: string
  role: string
  /** Epoch milliseconds. */
  at: number | undefined
  /** Of a session of the system. */
  hidden: boolean
  /** Shown in the transcript, and whole. */
  shown: boolean
  /** The document that stands for it. */
  doc: number | undefined
}

export const isPending = (db: Reader): boolean => db.get(IS_PENDING)?.yes === 1
export const countPending = (db: Reader): number => db.get(COUNT_PENDING)?.n as number

/** The next ones, so many or so many bytes of text at most, whichever is less; a single one may have more bytes. */
export function pendingEntries(db: Reader, most: number, mostBytes: number): Pending[] {
  let n = 0
  let bytes = 0
  for (const row of db.all(SIZES, most)) {
    bytes += (row.bytes as number | null) ?? 0
    if (n > 0 && bytes > mostBytes) break
    n++
  }
  return db.all(PENDING, n).map(pendingOf)
}

export function dropDoc(tx: Tx, id: number): void {
  tx.run(DROP_WORDS, id)
  tx.run(DROP_DOC, id)
}
export const taken = (tx: Tx, { seq }: Pending): void => void tx.run(TAKEN, seq)

export interface Words {
  content: string
  more: string
  parts: string
  tags: string
}
export function putDoc(tx: Tx, { seq, at, doc }: Pending & { at: number }, words: Words): void {
  const { content, more, parts, tags } = words
  const place = doc ?? freeId(at, (from, before) => lastBetween(tx, from, before))
  const id = withLook(place, content, more)
  if (doc !== undefined) tx.run(DROP_WORDS, doc)
  if (doc === undefined) tx.run(PUT_DOC, id, seq)
  else if (doc !== id) tx.run(MOVE_DOC, id, seq)
  tx.run(PUT_WORDS, id, content, more, parts, tags)
}
const lastBetween = (db: Reader, from: number, before: number): number | undefined =>
  (db.get(LAST_BETWEEN, from, before)?.id as number | null) ?? undefined

/** Behind every document, for good and of now. */
export const newest = (db: Reader): number => ((db.get(LAST)?.id as number | null) ?? 0) + 1

export const searchableOf = (row: Row): Searchable => ({
  type: (row.type as string | null) ?? "",
  content: (row.content as string | null) ?? "",
  details: (row.details as string | null) ?? undefined,
  item: (row.item as string | null) ?? undefined,
})
const pendingOf = (row: Row): Pending => ({
  ...searchableOf(row),
  seq: row.seq as number,
  sessionId: (row.session_id as string | null) ?? "",
  role: (row.role as string | null) ?? "",
  at: ((row.started_at ?? row.completed_at) as number | null) ?? undefined,
  hidden: row.system_owned === 1,
  shown: row.status !== null && row.status !== "streaming" && row.hidden === 0,
  doc: (row.id as number | null) ?? undefined,
})
