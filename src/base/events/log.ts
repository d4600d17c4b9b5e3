// The durable log: every event is numbered once, stored with the act that caused it, told after the commit, and replayed from
// the store to whoever was away. It says so honestly when something can't be replayed. (decisions 1–5)

import type { Clock } from "../kit/clock.ts"
import { createSignal } from "../kit/signal.ts"
import type { Logger } from "../observe/logger.ts"
import type { Block } from "../platform/files.ts"
import type { Db, Tx } from "../storage/port.ts"
import type { LoggedEvent, NewEvent } from "./event.ts"
import { type Books, createLedger, type Numbered } from "./ledger.ts"
import { createMarks } from "./marks.ts"
import { createNumbers } from "./numbers.ts"
import { type Page, type PageLimits, type Resume, readPage, resumeAt } from "./replay.ts"
import { dropThread, type Limits, retain } from "./retention.ts"
import { createMeta, type Filter, listMarks, type Meta, oldestAt, readMeta } from "./rows/store.ts"

export interface LogNeeds {
  db: Db
  clock: Clock
  /** The mark file, `openBlock(DATA_DIR/log.mark)`. */
  mark: Block
  log?: Logger
  /** Numbers reserved at a time; only tests want another than numbers.ts. */
  reserve?: number
}

export interface Log {
  /** Made once per database; a restored backup gets a new one (store.ts, renewLogId). */
  readonly id: string
  /** Highest event number told so far; after a start the highest that may have been. */
  head(): number
  /** The number of the next event: nothing that happens from now on is told under a lower one. */
  next(): number
  /** Numbers the event now; it is stored with the act and told after the commit. */
  append(tx: Tx, event: NewEvent): LoggedEvent
  /** For a full disk, outside of acts: told at once with `stored: false`; that it is missing survives a kill. */
  tellUnstored(events: NewEvent[]): void
  /** One call per commit, in number order, before the acts' promises resolve. */
  onTold(hear: (events: LoggedEvent[]) => void): Disposable
  resume(since: string | undefined, filter: Filter): Resume
  page(after: number, filter: Filter, limits: PageLimits): Page
  /**
   * For a replay under way: something that it should have shown after event `after` was stored and is gone. What was told
   * unstored meanwhile does not count: whoever replays has heard of it.
   */
  overtaken(after: number, filter: Filter): boolean
  /** Drops all rows of a deleted session's thread; global events stay. */
  forget(tx: Tx, thread: string): void
  /** Brings the log within its limits, in small acts. Rejects with the act's fault when the disk is full. */
  retain(limits: Limits): Promise<{ droppedRows: number }>
  /** What the rows take in the file, nearly. Kept up to date, never counted. */
  bytes(): number
  sizes(): { rows: number; bytes: number; oldestAt: number | null }
}

/** Reads and reserves at once. Throws `storage_full` when a new database has no room for its first row. */
export function createLog({ db, clock, mark, log, reserve }: LogNeeds): Log {
  const meta = openMeta(db)
  const marks = createMarks(listMarks(db))
  const dropped = createMarks([])
  const numbers = createNumbers({
    log: meta.id,
    reserved: meta.reserved,
    block: mark,
    ...(reserve === undefined ? {} : { reserve }),
  })
  const books: Books = { rows: meta.rows, bytes: meta.bytes, unsaved: marks.changes() }
  const told = createSignal<LoggedEvent[]>((error) =>
    log?.error("a listener of the log threw", { error: String(error) }),
  )
  let head = numbers.before

  // What the last run told on a full disk may have gone to anybody: everything up to this start counts as missing.
  if (numbers.hole) lose({ scope: "global", thread: "", n: numbers.before })

  function lose(at: { scope: "global"; thread: string; n: number }): void {
    books.unsaved.gone("fact", at)
    marks.apply(books.unsaved)
  }

  const tell = inOrder((events: LoggedEvent[]) => {
    head = events.at(-1)?.n ?? head
    told.emit(events)
  })

  const number = (event: NewEvent, n: number, stored: boolean): LoggedEvent => ({
    n,
    at: clock.now(),
    type: event.type,
    scope: event.scope,
    thread: event.thread === "" ? null : event.thread,
    context: event.context,
    body: event.body,
    stored,
  })

  db.attach(createLedger({ marks, dropped, numbers, books, tell }))
  // Reserves numbers and saves the hole, if the disk lets it; otherwise the next commit does.
  const begun = db.actNow(() => undefined)
  if (!begun.ok) log?.warn("no numbers reserved yet", { error: String(begun.error) })

  return {
    id: meta.id,
    head: () => head,
    next: numbers.peek,
    append(tx, event) {
      const logged = number(event, numbers.take(), event.stored !== false)
      const settles = event.settles === true && event.class === "fact"
      tx.emit({ kind: "event", event: logged, class: event.class, settles } satisfies Numbered)
      return logged
    },
    tellUnstored(events) {
      if (events.length === 0) return
      const ns = numbers.takeUnstored(events.length)
      const logged = events.map((event, i) => number(event, ns[i] ?? 0, false))
      const changes = books.unsaved
      events.forEach((event, i) => {
        const at = { thread: event.thread ?? "", scope: event.scope, n: ns[i] ?? 0 }
        const raw = event.stored === false
        changes.gone(raw ? "raw" : event.class, at)
        if (event.settles && event.class === "fact" && !raw) changes.settle(at.thread, at.n)
      })
      marks.apply(changes)
      tell(logged)
    },
    onTold: (hear) => told.on(hear),
    resume: (since, filter) => resumeAt(since, filter, { log: meta.id, head, marks }),
    page: (after, filter, limits) => readPage(db, { after, filter }, limits),
    overtaken: (after, filter) => dropped.lost(filter) > after && marks.lost(filter) > after,
    forget: (tx, thread) => dropThread(tx, thread, marks),
    retain: (limits) => retain({ db, clock, marks, bytes: () => books.bytes }, limits),
    bytes: () => books.bytes,
    sizes: () => ({ rows: books.rows, bytes: books.bytes, oldestAt: oldestAt(db) }),
  }
}

function openMeta(db: Db): Meta {
  const known = readMeta(db)
  if (known) return known
  const made = db.actNow(createMeta)
  if (!made.ok) throw made.error
  return made.value
}

/** A listener that makes new events while it is told of some: they wait until all have heard of the first. */
function inOrder<T>(tell: (value: T) => void): (value: T) => void {
  const waiting: T[] = []
  let telling = false
  return (value) => {
    waiting.push(value)
    if (telling) return
    telling = true
    try {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) tell(next)
    } finally {
      telling = false
    }
  }
}
