// The log's part of a commit: the tick's events become rows, what they and the acts change becomes marks, and the books
// (numbers reserved, rows and bytes held) follow in memory once the commit stands.

import type { Effect, Ledger, Tx } from "../storage/port.ts"
import type { LoggedEvent } from "./event.ts"
import { type Changes, type Marks, writeMarks } from "./marks.ts"
import type { Numbers } from "./numbers.ts"
import type { Dropped } from "./retention.ts"
import { encodeBody } from "./rows/body.ts"
import { growMeta, insertRow } from "./rows/store.ts"

/** An event as its act left it: what is told, and what only the books need. */
export interface Numbered {
  kind: "event"
  event: LoggedEvent
  class: "delta" | "fact"
  settles: boolean
}

/** What other ledgers keep books of. */
interface Foreign {
  kind: "job"
}
type Known = Numbered | Dropped | Foreign

export interface Books {
  rows: number
  bytes: number
  /** Losses that were told on a full disk and are not in the database yet. */
  unsaved: Changes
}

export interface LedgerNeeds {
  marks: Marks
  /** Of `marks`, what this process stored, or found stored, and dropped. */
  dropped: Marks
  numbers: Numbers
  books: Books
  tell(events: LoggedEvent[]): void
}

/** A tick's events of one thread, scope and class: one row. */
interface Group {
  class: "delta" | "fact"
  thread: string
  events: LoggedEvent[]
}

interface Written {
  changes: Changes
  dropped: Changes
  due: number
  rows: number
  bytes: number
}

export function createLedger({ marks, dropped, numbers, books, tell }: LedgerNeeds): Ledger {
  // From `write` to `committed`; a commit that was lost leaves it behind, and the next `write` replaces it.
  let written: Written | undefined

  const write = (tx: Tx, effects: Effect[]): void => {
    const own = effects as Known[]
    const changes = marks.changes()
    const result: Written = { changes, dropped: marks.changes(), due: numbers.due(), rows: 0, bytes: 0 }
    for (const effect of own) {
      if (effect.kind !== "dropped") continue
      result.rows -= effect.rows
      result.bytes -= effect.bytes
    }
    const groups = groupsOf(own, result)
    const tick = firstStored(own)
    for (const group of groups) {
      result.rows += 1
      result.bytes += store(tx, group, tick)
    }
    writeMarks(tx, books.unsaved)
    writeMarks(tx, changes)
    if (result.rows !== 0 || result.bytes !== 0 || numbers.isDue(result.due)) {
      growMeta(tx, { rows: result.rows, bytes: result.bytes, reserved: result.due })
    }
    written = result
  }

  const committed = (effects: Effect[]): void => {
    if (written) settle(written)
    written = undefined
    const events: LoggedEvent[] = []
    for (const effect of effects as Known[]) if (effect.kind === "event") events.push(effect.event)
    if (events.length > 0) tell(events)
  }

  const settle = ({ changes, dropped: gone, due, rows, bytes }: Written): void => {
    marks.apply(changes)
    dropped.apply(gone)
    books.rows += rows
    books.bytes += bytes
    books.unsaved = marks.changes()
    numbers.committed(due)
  }

  return { write, committed }
}

/** One row. Its name is its first event's number, its tick the lowest number of all rows of the commit. */
function store(tx: Tx, { events, thread, class: kind }: Group, tick: number): number {
  const [head] = events
  const last = events.at(-1)
  if (!head || !last) return 0
  const row = { first: head.n, at: head.at, thread, scope: head.scope }
  return insertRow(tx, { ...row, last: last.n, tick, class: kind, body: encodeBody(row, events) })
}

function firstStored(effects: Known[]): number {
  for (const effect of effects) if (effect.kind === "event" && effect.event.stored) return effect.event.n
  return 0
}

/** Sorts stored events into rows and notes what will be missing and what has settled, in order. */
function groupsOf(effects: Known[], { changes, dropped }: Written): Iterable<Group> {
  const groups = new Map<string, Group>()
  let group: Group | undefined
  for (const effect of effects) {
    if (effect.kind === "dropped") {
      for (const noted of [changes, dropped]) effect.changes.each((mark) => noted.put(mark))
      if (effect.forgotten !== undefined) forget(groups, effect.forgotten, [changes, dropped])
      group = undefined
      continue
    }
    if (effect.kind !== "event") continue
    const { event } = effect
    const thread = event.thread ?? ""
    if (!event.stored) {
      changes.gone("raw", { thread, scope: event.scope, n: event.n })
      continue
    }
    if (effect.settles) changes.settle(thread, event.n)
    // Neighbours are mostly of one row: no key is built for them.
    if (group?.thread !== thread || group.class !== effect.class || group.events[0]?.scope !== event.scope) {
      const key = `${effect.class} ${event.scope} ${thread}`
      group = groups.get(key) ?? { class: effect.class, thread, events: [] }
      groups.set(key, group)
    }
    group.events.push(event)
  }
  return groups.values()
}

/** The thread's events that this very tick told before it was forgotten. */
function forget(groups: Map<string, Group>, thread: string, notes: Changes[]): void {
  for (const [key, group] of groups) {
    const last = group.events.at(-1)
    if (group.thread !== thread || !last || last.scope === "global") continue
    groups.delete(key)
    for (const changes of notes) changes.gone(group.class, { thread, scope: last.scope, n: last.n })
  }
}
