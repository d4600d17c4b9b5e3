// What SQLite is to both bindings: which values go in and out, what its failures mean, and how a connection is set up.
// The same rules for both, so that no room learns to depend on one.

import type { Row, SqlDriver, SqlValue } from "./port.ts"

/** Throws a TypeError for what only one binding would take: undefined and booleans (bun:sqlite binds them, node:sqlite does not). */
export function checkValues(values: SqlValue[]): void {
  for (const value of values as unknown[]) {
    if (value === undefined || typeof value === "boolean") {
      throw new TypeError(`SQL values are text, numbers, bytes and null, not ${String(value)}`)
    }
  }
}

/** Turns the exact integers of a row into numbers, in place. Throws a RangeError where a number would have to be rounded. */
export function toNumbers(row: Row): Row {
  for (const name in row) {
    const value = row[name]
    if (typeof value !== "bigint") continue
    const number = Number(value)
    if (!Number.isSafeInteger(number)) throw new RangeError(`column ${name} holds ${value}, beyond 2^53`)
    row[name] = number
  }
  return row
}

const BUSY = 5
const FULL = 13
const IOERR = 10
const NOMEM = 7
const NO_ROOM: readonly number[] = [FULL, IOERR, NOMEM]

/** SQLite's primary result code of an error thrown by either binding; undefined for anything else. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  const { errcode, errno, name } = error as Error & { errcode?: unknown; errno?: unknown }
  if (typeof errcode === "number") return errcode & 0xff
  if (typeof errno === "number" && name === "SQLiteError") return errno & 0xff
  return undefined
}

/** True for the failures that make SQLite roll back the whole transaction (decisions 5): no disk, no memory, broken I/O. */
export function lacksRoom(error: unknown): boolean {
  const code = sqliteCode(error)
  return code !== undefined && NO_ROOM.includes(code)
}

/** True when another process kept the database locked for longer than busy_timeout. */
export const isBusy = (error: unknown): boolean => sqliteCode(error) === BUSY

/** `normal` survives a kill, `full` also a power cut (and costs an fsync a tick: measurements.md). */
export type Sync = "normal" | "full"

const EMPTY = "SELECT count(*) = 0 AS empty FROM sqlite_schema"

/** Sets the pragmas; safe to repeat. Must run before the first table exists: later auto_vacuum cannot be changed. */
export function tune(driver: SqlDriver, sync: Sync = "normal"): void {
  // Before WAL: writing the header of a new file fixes both. 2048: most ticks change a few bytes on each of five pages, and
  // it is pages that are written; 1024 costs floods more than it saves (scripts/bench/log.ts, stream.ts pace).
  if (driver.prepare(EMPTY).get()?.empty === 1)
    driver.exec("PRAGMA page_size = 2048; PRAGMA auto_vacuum = INCREMENTAL")
  // 8000 pages (16 MiB) between checkpoints: each holds up a tick for about 12 ms here, whatever its size. Mostly a quiet
  // moment comes before (commits/quiet.ts).
  driver.exec(`
    PRAGMA busy_timeout = 2000;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = ${sync === "full" ? "FULL" : "NORMAL"};
    PRAGMA wal_autocheckpoint = 8000;
    PRAGMA foreign_keys = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA journal_size_limit = 16777216;
    PRAGMA cache_size = -8192;
  `)
}
