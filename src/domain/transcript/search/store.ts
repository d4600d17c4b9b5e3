// The index's tables: its documents, what it still has to take in, and the questions that it answers.

import type { Reader, Row, Tx } from "../../../base/storage/port.ts"
import type { Searchable } from "./text.ts"

/** Ids of one millisecond: with them a document's id is its time. 2^53 is reached in the year 2248. */
const A_MS = 1024
const LAST_MS = 2 ** 43 - 1

const IS_PENDING = `SELECT EXISTS (SELECT 1 FROM search_pending) AS yes`
const COUNT_PENDING = `SELECT count(*) AS n FROM search_pending`
const PENDING = `SELECT p.session_id, p.message_id, e.role, e.type, e.content, e.details, e.item, e.status, e.started_at,
    e.completed_at, s.system_owned, t.rolled_back_at, d.id
  FROM search_pending AS p
  LEFT JOIN entries AS e ON e.session_id = p.session_id AND e.message_id = p.message_id
  LEFT JOIN sessions AS s ON s.id = p.session_id
  LEFT JOIN turns AS t ON t.session_id = e.session_id AND t.id = e.turn_id
  LEFT JOIN search_docs AS d ON d.session_id = p.session_id AND d.message_id = p.message_id LIMIT ?`
const TAKEN = `DELETE FROM search_pending WHERE session_id = ? AND message_id = ?`
const LAST_BETWEEN = `SELECT max(id) AS id FROM search_docs WHERE id >= CAST(? AS INTEGER) AND id < CAST(? AS INTEGER)`
const LAST = `SELECT max(id) AS id FROM search_docs`
const PUT_DOC = `INSERT INTO search_docs (id, session_id, message_id) VALUES (CAST(? AS INTEGER), ?, ?)`
const DROP_DOC = `DELETE FROM search_docs WHERE id = CAST(? AS INTEGER)`
const PUT_WORDS = `INSERT INTO search_index (rowid, content, more, parts, tags) VALUES (CAST(? AS INTEGER), ?, ?, ?, ?)`
const DROP_WORDS = `DELETE FROM search_index WHERE rowid = CAST(? AS INTEGER)`

const MATCHES = `FROM search_index WHERE search_index MATCH ?1 AND rowid >= CAST(?2 AS INTEGER) AND rowid < CAST(?3 AS INTEGER)`
const COUNT = `SELECT count(*) AS n FROM (SELECT rowid ${MATCHES} LIMIT ?4)`
const RECENT = `SELECT rowid AS id ${MATCHES} ORDER BY rowid DESC LIMIT ?4`
// The plus: the hits are looked up for each row of the rare words; asked one by one they would each be a question.
const RANKED = `WITH hits AS MATERIALIZED (SELECT rowid AS id ${MATCHES})
  SELECT rowid AS id, bm25(search_index, 4.0, 1.0, 1.0, 0.0) AS score FROM search_index
  WHERE search_index MATCH ?4 AND +rowid IN (SELECT id FROM hits) ORDER BY score, rowid DESC LIMIT ?5 OFFSET ?6`
const RANKED_WHOLE = `SELECT rowid AS id, bm25(search_index, 4.0, 1.0, 1.0, 0.0) AS score ${MATCHES}
  ORDER BY score, rowid DESC LIMIT ?4 OFFSET ?5`
const ROW = `SELECT d.id, e.session_id, e.message_id, e.turn_id, e.role, e.type, e.content, e.details, e.item, e.status,
    s.archived, s.project_id, s.system_owned
  FROM search_docs AS d JOIN entries AS e ON e.session_id = d.session_id AND e.message_id = d.message_id
  JOIN sessions AS s ON s.id = d.session_id WHERE d.id = CAST(? AS INTEGER)`
const OF_PROJECT = `SELECT id FROM sessions WHERE project_id = ? ORDER BY updated_at DESC LIMIT ?`

export interface Pending extends Searchable {
  sessionId: string
  messageId: string
  role: string
  /** Epoch milliseconds. */
  at: number | undefined
  hidden: boolean
  /** Shown in the transcript, and whole. */
  shown: boolean
  /** The document that stands for it. */
  doc: number | undefined
}

export const isPending = (db: Reader): boolean => db.get(IS_PENDING)?.yes === 1
export const countPending = (db: Reader): number => db.get(COUNT_PENDING)?.n as number
export const pendingEntries = (db: Reader, limit: number): Pending[] => db.all(PENDING, limit).map(pendingOf)

export function dropDoc(tx: Tx, id: number): void {
  tx.run(DROP_WORDS, id)
  tx.run(DROP_DOC, id)
}
export const taken = (tx: Tx, { sessionId, messageId }: Pending): void =>
  void tx.run(TAKEN, sessionId, messageId)

export interface Words {
  content: string
  more: string
  parts: string
  tags: string
}
export function putDoc(tx: Tx, entry: Pending & { at: number }, words: Words): void {
  const id = entry.doc ?? freeId(tx, entry.at)
  if (entry.doc === undefined) tx.run(PUT_DOC, id, entry.sessionId, entry.messageId)
  else tx.run(DROP_WORDS, id)
  tx.run(PUT_WORDS, id, words.content, words.more, words.parts, words.tags)
}

function freeId(tx: Tx, at: number): number {
  const first = idFrom(at)
  const next = first + A_MS
  const last = tx.get(LAST_BETWEEN, first, next)?.id as number | null
  if (last === null) return first
  // A thousand in one millisecond: the rest comes behind everything.
  return last + 1 < next ? last + 1 : (tx.get(LAST)?.id as number) + 1
}

/** The first id of that moment. */
export const idFrom = (at: number): number => Math.min(Math.max(Math.floor(at), 0), LAST_MS) * A_MS
export const timeOf = (id: number): number => Math.floor(id / A_MS)
/** Behind every document, for good and of now. */
export const newest = (db: Reader): number => ((db.get(LAST)?.id as number | null) ?? 0) + 1
export const END = Number.MAX_SAFE_INTEGER

export interface Asked {
  match: string
  from: number
  before: number
}
/** How many match, counted up to `most`. */
export const countMatches = (db: Reader, { match, from, before }: Asked, most: number): number =>
  db.get(COUNT, match, from, before, most)?.n as number
/** Newest first. */
export const recentMatches = (db: Reader, { match, from, before }: Asked, limit: number): number[] =>
  db.all(RECENT, match, from, before, limit).map((row) => row.id as number)

/** Best first, scored by the words of `rare` alone. */
export const rankedMatches = (
  db: Reader,
  { match, from, before, rare }: Asked & { rare: string },
  { limit, offset }: { limit: number; offset: number },
): number[] => db.all(RANKED, match, from, before, rare, limit, offset).map((row) => row.id as number)

/** The same where the whole question is rare: it is read once less. */
export const rankedWhole = (
  db: Reader,
  { match, from, before }: Asked,
  { limit, offset }: { limit: number; offset: number },
): number[] => db.all(RANKED_WHOLE, match, from, before, limit, offset).map((row) => row.id as number)

export interface Found extends Searchable {
  id: number
  sessionId: string
  messageId: string
  turnId: string
  role: string
  status: string
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

const searchableOf = (row: Row): Searchable => ({
  type: (row.type as string | null) ?? "",
  content: (row.content as string | null) ?? "",
  details: (row.details as string | null) ?? undefined,
  item: (row.item as string | null) ?? undefined,
})
const pendingOf = (row: Row): Pending => ({
  ...searchableOf(row),
  sessionId: row.session_id as string,
  messageId: row.message_id as string,
  role: (row.role as string | null) ?? "",
  at: ((row.started_at ?? row.completed_at) as number | null) ?? undefined,
  hidden: row.system_owned === 1,
  shown: row.status !== null && row.status !== "streaming" && row.rolled_back_at === null,
  doc: (row.id as number | null) ?? undefined,
})
const foundOf = (row: Row): Found => ({
  ...searchableOf(row),
  id: row.id as number,
  sessionId: row.session_id as string,
  messageId: row.message_id as string,
  turnId: row.turn_id as string,
  role: row.role as string,
  status: row.status as string,
  archived: row.archived === 1,
  projectId: row.project_id as string | null,
  hidden: row.system_owned === 1,
})
