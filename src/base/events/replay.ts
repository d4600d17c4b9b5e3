// Where a listener goes on: whether everything it missed is still there, and the missed events page by page.

import type { Reader } from "../storage/port.ts"
import type { LoggedEvent } from "./event.ts"
import type { Marks } from "./marks.ts"
import { type Filter, listFacts, type RowFacts, readRows, tickStart } from "./rows/store.ts"

/** Frames per event; a frame's seq is 16 × n + its index (decisions 1). */
export const FRAMES_PER_EVENT = 16

export const seqOf = (n: number, index: number): number => FRAMES_PER_EVENT * n + index
export const eventOf = (seq: number): number => Math.floor(seq / FRAMES_PER_EVENT)

export interface Resume {
  /** gap: something that this listener should have seen can't be replayed, or its `since` means nothing here. */
  resume: "ok" | "gap"
  /** Replay with `page(from, …)` and drop frames up to the SEQ of `since`; null: nothing to replay, go on live. */
  from: number | null
  /** Raw items passed meanwhile, which are never stored. */
  missing?: ["raw"]
  log: string
  /** LOGID.SEQ: a `since` that has seen everything told so far. */
  head: string
}

export interface Position {
  log: string
  head: number
}

/** Decides about `since` (`LOGID.SEQ`, undefined for a listener that comes new); decisions 3 and 4. */
export function resumeAt(
  since: string | undefined,
  filter: Filter,
  now: Position & { marks: Marks },
): Resume {
  const head = `${now.log}.${seqOf(now.head, FRAMES_PER_EVENT - 1)}`
  if (since === undefined) return { resume: "ok", from: null, log: now.log, head }
  const from = parseSince(since, now)
  if (from === undefined || now.marks.lost(filter) > from)
    return { resume: "gap", from: null, log: now.log, head }
  const missing: Pick<Resume, "missing"> = now.marks.raw(filter) > from ? { missing: ["raw"] } : {}
  return { resume: "ok", from, ...missing, log: now.log, head }
}

/** The last event that was seen whole: the one before, unless `since` is the last possible frame of its event. */
function parseSince(since: string, { log, head }: Position): number | undefined {
  const parts = /^([\w-]+)\.(\d{1,16})$/.exec(since)
  if (!parts || parts[1] !== log) return undefined
  const seq = Number(parts[2])
  if (!Number.isSafeInteger(seq) || eventOf(seq) > head) return undefined
  return Math.max(0, Math.floor((seq + 1) / FRAMES_PER_EVENT) - 1)
}

export interface PageLimits {
  maxEvents: number
  maxBytes: number
}

export interface Page {
  /** After the asked number, in order; always whole ticks, so a page may exceed the limits by one tick. */
  events: LoggedEvent[]
  /** The store holds no more at this instant: whoever joins the live events in the same breath misses nothing. */
  done: boolean
}

// Rows looked at in one query. A row says how many numbers it spans, which bounds its events.
const ROWS = 256

/** Reads on after event `after`. */
export function readPage(db: Reader, at: { after: number; filter: Filter }, limits: PageLimits): Page {
  const { after, filter } = at
  const start = tickStart(db, after + 1)
  const { until, done } = measure(db, { start, filter, after }, limits)
  if (until === undefined) return { events: [], done }
  const rows = readRows(db, filter, { first: start, until })
  const [only] = rows
  const events = rows.length === 1 && only ? only : rows.flat().sort((a, b) => a.n - b.n)
  return { events: events[0] && events[0].n > after ? events : events.filter(({ n }) => n > after), done }
}

/** The last row of the page: the first end of a tick at which the limits are reached. */
function measure(
  db: Reader,
  { start, filter, after }: { start: number; filter: Filter; after: number },
  { maxEvents, maxBytes }: PageLimits,
): { until: number | undefined; done: boolean } {
  let last: RowFacts | undefined
  let events = 0
  let bytes = 0
  for (;;) {
    const rows = listFacts(db, filter, { first: last ? last.first + 1 : start, limit: ROWS })
    for (const row of rows) {
      const reached = events >= maxEvents || bytes >= maxBytes
      if (last && reached && row.tick !== last.tick) return { until: last.first, done: false }
      last = row
      if (row.last <= after) continue
      events += row.last - row.first + 1
      bytes += row.bytes
    }
    if (rows.length < ROWS) return { until: last?.first, done: true }
  }
}
