// Keeps the log within its limits: what is too old goes; then, while it is too large, deltas of finished items, then those of
// items under way (their whole is still to come), then the oldest rows. Always whole rows, in small acts that let others write in between. What is gone is marked in the same transaction.

import type { Clock } from "../kit/clock.ts"
import type { Db, Tx } from "../storage/port.ts"
import type { Changes, Marks } from "./marks.ts"
import {
  deleteRow,
  deleteUntil,
  deltaRows,
  giveBack,
  oldestRows,
  pages,
  type RowFacts,
  threadRows,
} from "./rows/store.ts"

export interface Limits {
  maxAgeMs: number
  maxBytes: number
}

/** Rows that an act removed, for the log's books after the commit. */
export interface Dropped {
  kind: "dropped"
  rows: number
  bytes: number
  changes: Changes
  /** A thread that was forgotten: its events of this very tick go too. */
  forgotten?: string
}

export interface RetentionNeeds {
  db: Db
  clock: Clock
  marks: Marks
  /** What the rows take now. */
  bytes(): number
}

// One act's work: about 10 ms of freeing pages at most.
const ACT_ROWS = 500
const ACT_BYTES = 1 << 20
// Empty pages are used again by the next rows; only a file that is mostly empty is made smaller.
const SPARE_PAGES = 1024
const VACUUM_ACTS = 64

/** Removes everything of a thread but its global events, all or nothing with the act. */
export function dropThread(tx: Tx, thread: string, marks: Marks): void {
  const rows = threadRows(tx, thread)
  for (const { first } of rows) deleteRow(tx, first)
  tx.emit({ ...droppedOf(rows, marks), forgotten: thread })
}

/** Resolves when the log is within `limits`, or nothing more can be dropped. */
export async function retain(needs: RetentionNeeds, limits: Limits): Promise<{ droppedRows: number }> {
  let droppedRows = 0
  const repeat = async (step: (tx: Tx) => Step): Promise<void> => {
    for (let more = true; more; ) {
      const done = await needs.db.act(step)
      droppedRows += done.rows
      more = done.more
    }
  }
  const oldest = needs.clock.now() - limits.maxAgeMs
  await repeat((tx) => dropOldest(tx, needs, (row) => row.at < oldest))
  for (const settled of [true, false]) {
    let after = 0
    await repeat((tx) => {
      const step = dropDeltas(tx, needs, { after, excess: needs.bytes() - limits.maxBytes, settled })
      after = step.after
      return step
    })
  }
  await repeat((tx) => {
    let excess = needs.bytes() - limits.maxBytes
    // Deltas that were written meanwhile still go before any fact.
    const deltas = dropDeltas(tx, needs, { after: 0, excess, settled: false })
    if (deltas.rows > 0) return deltas
    return dropOldest(tx, needs, (row) => {
      const goes = excess > 0
      excess -= row.bytes
      return goes
    })
  })
  await shrink(needs.db)
  return { droppedRows }
}

interface Step {
  rows: number
  /** False when this step has no more to do. */
  more: boolean
}

/** The oldest rows for as long as `goes` says so. */
function dropOldest(tx: Tx, { marks }: RetentionNeeds, goes: (row: RowFacts) => boolean): Step {
  const rows: RowFacts[] = []
  let bytes = 0
  for (const row of oldestRows(tx, ACT_ROWS)) {
    if (bytes > ACT_BYTES || !goes(row)) break
    rows.push(row)
    bytes += row.bytes
  }
  const last = rows.at(-1)
  if (!last) return { rows: 0, more: false }
  deleteUntil(tx, last.first)
  tx.emit(droppedOf(rows, marks))
  return { rows: rows.length, more: true }
}

/** Delta rows, oldest first, until `excess` bytes are won: only those whose thread has settled since, or any. */
function dropDeltas(
  tx: Tx,
  { marks }: RetentionNeeds,
  { after, excess, settled }: { after: number; excess: number; settled: boolean },
): Step & { after: number } {
  if (excess <= 0) return { rows: 0, more: false, after }
  const seen = deltaRows(tx, after, ACT_ROWS)
  const rows: RowFacts[] = []
  let bytes = 0
  let reached = after
  for (const row of seen) {
    if (bytes >= excess || bytes > ACT_BYTES) break
    reached = row.first
    if (settled && row.last > marks.settledAt(row.thread)) continue
    deleteRow(tx, row.first)
    rows.push(row)
    bytes += row.bytes
  }
  if (rows.length > 0) tx.emit(droppedOf(rows, marks))
  return { rows: rows.length, more: seen.length > 0 && bytes < excess, after: reached }
}

/** What the log must know of rows that go. */
function droppedOf(rows: RowFacts[], marks: Marks): Dropped {
  const changes = marks.changes()
  // A delta that its thread's settling excuses is passed over by `gone`.
  for (const row of rows) changes.gone(row.class, { thread: row.thread, scope: row.scope, n: row.last })
  const bytes = rows.reduce((sum, row) => sum + row.bytes, 0)
  return { kind: "dropped", rows: rows.length, bytes, changes }
}

/** Makes a file that is mostly empty pages smaller, bit by bit. */
async function shrink(db: Db): Promise<void> {
  for (let step = 0; step < VACUUM_ACTS; step++) {
    const { free, pages: all } = pages(db)
    if (free < SPARE_PAGES || free * 4 < all) return
    await db.act(giveBack)
  }
}
