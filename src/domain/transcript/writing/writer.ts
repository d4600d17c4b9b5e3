// The one writer of the ledger: every row that is added, merged, moved or closed goes through here, in the caller's act. Where a
// row stands is decided when it is written (wire-contract §3.5), so that reading merges nothing.

import type { Log } from "../../../base/events/log.ts"
import type { Clock } from "../../../base/kit/clock.ts"
import type { Tx } from "../../../base/storage/port.ts"
import {
  anchorOf,
  type Entry,
  type EntryStatus,
  entryText,
  type Item,
  isAsked,
  isMadeUp,
  isOfJob,
  spokenOf,
} from "../entry.ts"
import {
  anchoredTo,
  copyable,
  type EntryRow,
  floatingBehind,
  lastAssistant,
  lastSpot,
  madeUpRows,
  moveSpots,
  nextSeq,
  placeOf,
  readEntry,
  shiftPlaces,
  streamingOf,
  type TurnPlace,
  writeEntry,
} from "../store.ts"
import { merged, type Writing } from "./merge.ts"
import { endOfSpot, isOwnSpot, spotAfter, spotBefore, spotUnder } from "./spots.ts"
import { isTwin } from "./twins.ts"

export interface WriterNeeds {
  clock: Clock
  log: Pick<Log, "next">
}

export interface How extends Writing {
  /** Stands there instead of in its turn's place. */
  place?: number | undefined
  /** The entry of the same turn that it comes directly before: what history adds in between. */
  before?: EntryRow | undefined
}

export function createWriter({ clock, log }: WriterNeeds) {
  function write(tx: Tx, sessionId: string, row: EntryRow): EntryRow {
    writeEntry(tx, sessionId, { ...row, changed: log.next() })
    return row
  }

  /** Adds an entry, or merges it into the row that is there. A write that changes nothing is none. */
  function put(tx: Tx, sessionId: string, entry: Entry, how: How = {}): EntryRow {
    const known = readEntry(tx, sessionId, entry.messageId)
    if (!known) return add(tx, sessionId, entry, how)
    const row = merged(known, entry, how)
    const anchored = anchorOf(row) !== undefined && anchorOf(known) === undefined && row.item === undefined
    const at = row.turnId === known.turnId ? undefined : placeOf(tx, sessionId, row.turnId)
    if (at) Object.assign(row, { place: at.place, hidden: at.hidden })
    if (at || anchored) row.spot = spotOf(tx, sessionId, row, how)
    row.shownAs = shownAs(tx, sessionId, row)
    if (isMadeUp(row.messageId) && row.item === undefined)
      row.hidden = placeOf(tx, sessionId, row.turnId).hidden || isTwin(tx, sessionId, row)
    return same(known, row) ? known : write(tx, sessionId, row)
  }

  function add(tx: Tx, sessionId: string, entry: Entry, how: How): EntryRow {
    const at = placeOf(tx, sessionId, entry.turnId)
    const row: EntryRow = {
      ...entry,
      author: entry.author ?? (how.item !== undefined && isAsked(entry) ? at.askedBy : undefined),
      seq: nextSeq(tx),
      place: how.place ?? at.place,
      hidden: at.hidden,
      spot: "",
      item: how.item,
      shownAs: undefined,
    }
    row.spot = spotOf(tx, sessionId, row, how, at)
    row.shownAs = shownAs(tx, sessionId, row)
    if (isTwin(tx, sessionId, row)) row.hidden = true
    write(tx, sessionId, row)
    // What is about it may have been written first.
    if (row.item !== undefined)
      for (const about of anchoredTo(tx, sessionId, row))
        hang(tx, sessionId, about, spotUnder(row.spot, about.seq))
    return row
  }

  /** §3.5 step 4: behind what it is about; else, once the turn is over, before its last words; else behind everything so far. */
  function spotOf(
    tx: Tx,
    sessionId: string,
    row: EntryRow,
    how: How,
    at: TurnPlace = placeOf(tx, sessionId, row.turnId),
  ): string {
    if (how.before) return spotBefore(how.before.spot, row.seq)
    if (row.item === undefined) {
      const anchor = anchorOf(row)
      const about = anchor === undefined ? undefined : readEntry(tx, sessionId, anchor)
      if (about?.turnId === row.turnId && about.seq !== row.seq) return spotUnder(about.spot, row.seq)
      const last = at.outcome === undefined ? undefined : lastAssistant(tx, sessionId, row.place)
      if (last !== undefined) return spotBefore(last, row.seq)
    }
    return spotAfter(lastSpot(tx, sessionId, row.place))
  }

  /** A row of somebody outside that still streams in a turn that is over reads as the turn ended; a job ends its own. */
  function shownAs(tx: Tx, sessionId: string, row: EntryRow): EntryStatus | undefined {
    if (row.status !== "streaming" || row.item !== undefined || isOfJob(row)) return undefined
    return placeOf(tx, sessionId, row.turnId).outcome
  }

  function hang(tx: Tx, sessionId: string, row: EntryRow, to: string): void {
    if (row.spot === to) return
    const range = { from: row.spot, until: endOfSpot(row.spot), to, changed: log.next() }
    moveSpots(tx, { sessionId, place: row.place }, range)
  }

  return {
    put,
    write,
    /**
     * A turn is over: its items that still stream end as it did, and rows that came behind its last words go before them.
     */
    close(tx: Tx, sessionId: string, turnId: string, outcome: EntryStatus): void {
      const at = clock.now()
      for (const row of streamingOf(tx, sessionId)) {
        if (row.turnId !== turnId || isOfJob(row)) continue
        if (row.item === undefined) write(tx, sessionId, { ...row, shownAs: shownAs(tx, sessionId, row) })
        else write(tx, sessionId, { ...cutOff(row, outcome), status: outcome, completedAt: at })
      }
      for (const row of madeUpRows(tx, sessionId, turnId))
        if (isTwin(tx, sessionId, row)) write(tx, sessionId, { ...row, hidden: true })
      const { place } = placeOf(tx, sessionId, turnId)
      const last = lastAssistant(tx, sessionId, place)
      if (last === undefined) return
      for (const row of floatingBehind(tx, { sessionId, place, spot: last }))
        if (isOwnSpot(row.spot)) hang(tx, sessionId, row, spotBefore(last, row.seq))
    },
    /** A fork has the items of the turns that have ended, `places` in front of what it did itself. */
    copy(tx: Tx, { from, to, places }: { from: string; to: string; places: number }): void {
      shiftPlaces(tx, to, { by: places, changed: log.next() })
      for (const row of copyable(tx, from))
        if (!readEntry(tx, to, row.messageId)) write(tx, to, { ...row, seq: nextSeq(tx) })
    },
  }
}
export type Writer = ReturnType<typeof createWriter>

const same = (a: EntryRow, b: EntryRow): boolean =>
  a.item === b.item &&
  a.status === b.status &&
  a.shownAs === b.shownAs &&
  a.hidden === b.hidden &&
  a.place === b.place &&
  a.spot === b.spot &&
  entryText(a) === entryText(b)

/** The line of a row whose item never ended: not what it was doing but how it stopped. */
function cutOff(row: EntryRow, outcome: EntryStatus): EntryRow {
  if (row.item === undefined || row.role !== "system" || outcome === "complete") return row
  const word = outcome === "error" ? "failed" : "interrupted"
  return { ...row, content: spokenOf({ ...(JSON.parse(row.item) as Item), status: word }).content }
}
