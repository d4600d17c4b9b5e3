// The log's tables: rows of events, marks of what is gone, and one row about the log itself.

import { newId } from "../../kit/ids.ts"
import type { Reader, Row, Tx } from "../../storage/port.ts"
import type { LoggedEvent, Scope } from "../event.ts"
import { decodeBody, type RowHead } from "./body.ts"

export interface Meta {
  id: string
  reserved: number
  rows: number
  bytes: number
}

/** A row without its events. */
export interface RowFacts extends RowHead {
  last: number
  tick: number
  class: "delta" | "fact"
  bytes: number
}

export interface NewRow extends RowHead {
  last: number
  tick: number
  class: "delta" | "fact"
  body: string
}

/** Which rows a listener may see: everything unfiltered, or one thread's and the global ones. */
export interface Filter {
  thread: string | null
}

const READ_META = "SELECT id, reserved, rows, bytes FROM log_meta"
const CREATE_META = "INSERT INTO log_meta (one, id, reserved, rows, bytes) VALUES (1, ?, 1, 0, 0)"
const GROW_META =
  "UPDATE log_meta SET rows = rows + ?, bytes = bytes + ?, reserved = max(reserved, ?) WHERE one = 1"
const RENEW_ID = "UPDATE log_meta SET id = ? WHERE one = 1"

// 64: what a row costs beside its body (columns and index entries), roughly.
const INSERT_ROW = `INSERT INTO log_rows (first, last, tick, thread, scope, class, at, bytes, body)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, octet_length(?8) + 64, ?8) RETURNING bytes`

const FACTS = "first, last, tick, thread, scope, class, at, bytes"
const pick = (columns: string, until: string) => ({
  all: `SELECT ${columns} FROM log_rows WHERE first >= ?1 AND scope <> 'hidden' ${until}`,
  // Two walks along an index each, merged by number.
  thread: `SELECT ${columns} FROM log_rows WHERE thread = ?3 AND first >= ?1 AND scope IN ('thread', 'hidden') ${until}
    UNION ALL SELECT ${columns} FROM log_rows WHERE scope = 'global' AND first >= ?1 ${until}`,
})
const LIST_FACTS = {
  all: `${pick(FACTS, "").all} ORDER BY first LIMIT ?2`,
  thread: `${pick(FACTS, "").thread} ORDER BY first LIMIT ?2`,
}
const LIST_BODIES = {
  all: `${pick("first, at, thread, scope, body", "AND first <= ?2").all} ORDER BY first`,
  thread: `${pick("first, at, thread, scope, body", "AND first <= ?2").thread} ORDER BY first`,
}
const TICK_OF = "SELECT tick FROM log_rows WHERE first <= ? ORDER BY first DESC LIMIT 1"
const OLDEST = `SELECT ${FACTS} FROM log_rows ORDER BY first LIMIT ?`
const DELTAS = `SELECT ${FACTS} FROM log_rows WHERE class = 'delta' AND first > ? ORDER BY first LIMIT ?`
const OF_THREAD = `SELECT ${FACTS} FROM log_rows WHERE thread = ? AND scope <> 'global'`
const DELETE_ROW = "DELETE FROM log_rows WHERE first = ?"
const DELETE_UNTIL = "DELETE FROM log_rows WHERE first <= ?"
const NEWEST_AT = "SELECT at FROM log_rows ORDER BY first DESC LIMIT 1"
const OLDEST_AT = "SELECT at FROM log_rows ORDER BY first LIMIT 1"

const LIST_MARKS = "SELECT thread, scope, kind, n FROM log_marks"
const RAISE_MARK = `INSERT INTO log_marks (thread, scope, kind, n) VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET n = max(n, excluded.n)`
const CLEAR_DELTAS = "DELETE FROM log_marks WHERE thread = ? AND kind = 'delta'"

const FREE_PAGES =
  "SELECT freelist_count AS free, page_count AS pages, page_size FROM pragma_freelist_count, pragma_page_count, pragma_page_size"
const GIVE_BACK = "PRAGMA incremental_vacuum(512)"

export function readMeta(db: Reader): Meta | undefined {
  return db.get(READ_META) as unknown as Meta | undefined
}

/** The log's own row, with a new id. */
export function createMeta(tx: Tx): Meta {
  const id = shortId()
  tx.run(CREATE_META, id)
  return { id, reserved: 1, rows: 0, bytes: 0 }
}

export const growMeta = (tx: Tx, by: { rows: number; bytes: number; reserved: number }): void =>
  void tx.run(GROW_META, by.rows, by.bytes, by.reserved)

/** Gives the log a new id, which makes every `since` of the old one a gap (a restored backup). Open the log afterwards. */
export function renewLogId(tx: Tx): string {
  const id = shortId()
  tx.run(RENEW_ID, id)
  return id
}

// The random tail of an id: 48 bits, URL safe, and no dot.
const shortId = (): string => newId().slice(-12)

/** Stores a row; how many bytes it takes. */
export function insertRow(tx: Tx, row: NewRow): number {
  const { first, last, tick, thread, scope, at, body } = row
  return Number(tx.get(INSERT_ROW, first, last, tick, thread, scope, row.class, at, body)?.bytes)
}

/** Rows from number `first` on that the filter lets through, at most `limit`, by number. */
export function listFacts(db: Reader, filter: Filter, range: { first: number; limit: number }): RowFacts[] {
  const rows =
    filter.thread === null
      ? db.all(LIST_FACTS.all, range.first, range.limit)
      : db.all(LIST_FACTS.thread, range.first, range.limit, filter.thread)
  return rows as unknown as RowFacts[]
}

/** The events of the rows `first` … `until`, row by row. */
export function readRows(
  db: Reader,
  filter: Filter,
  range: { first: number; until: number },
): LoggedEvent[][] {
  const rows =
    filter.thread === null
      ? db.all(LIST_BODIES.all, range.first, range.until)
      : db.all(LIST_BODIES.thread, range.first, range.until, filter.thread)
  return rows.map((row) => decodeBody(headOf(row), String(row.body)))
}

const headOf = ({ first, at, thread, scope }: Row): RowHead => ({
  first: Number(first),
  at: Number(at),
  thread: String(thread),
  scope: scope as Scope,
})

/** Where the tick begins that number `n` lies in; `n` itself when no row is that old. */
export const tickStart = (db: Reader, n: number): number => Number(db.get(TICK_OF, n)?.tick ?? n)

export const oldestRows = (db: Reader, limit: number): RowFacts[] =>
  db.all(OLDEST, limit) as unknown as RowFacts[]

export const deltaRows = (db: Reader, after: number, limit: number): RowFacts[] =>
  db.all(DELTAS, after, limit) as unknown as RowFacts[]

export const threadRows = (db: Reader, thread: string): RowFacts[] =>
  db.all(OF_THREAD, thread) as unknown as RowFacts[]

export const deleteRow = (tx: Tx, first: number): void => void tx.run(DELETE_ROW, first)

export const deleteUntil = (tx: Tx, first: number): void => void tx.run(DELETE_UNTIL, first)

export function newestAt(db: Reader): number | undefined {
  const at = db.get(NEWEST_AT)?.at
  return typeof at === "number" ? at : undefined
}

export function oldestAt(db: Reader): number | null {
  const row = db.get(OLDEST_AT)
  return row ? Number(row.at) : null
}

export interface MarkRow {
  thread: string
  scope: string
  kind: string
  n: number
}

export const listMarks = (db: Reader): MarkRow[] => db.all(LIST_MARKS) as unknown as MarkRow[]

export const raiseMark = (tx: Tx, { thread, scope, kind, n }: MarkRow): void =>
  void tx.run(RAISE_MARK, thread, scope, kind, n)

export const clearDeltaMarks = (tx: Tx, thread: string): void => void tx.run(CLEAR_DELTAS, thread)

/** Pages of the file that hold nothing, all of them, and the bytes of one. */
export function pages(db: Reader): { free: number; pages: number; pageSize: number } {
  const row = db.get(FREE_PAGES)
  return { free: Number(row?.free), pages: Number(row?.pages), pageSize: Number(row?.page_size) }
}

/** Gives up to 512 empty pages (1 MiB) back to the file system. */
export const giveBack = (tx: Tx): void => void tx.all(GIVE_BACK)
