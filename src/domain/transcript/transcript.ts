// The transcript: one ledger, one writer. Live items, history, requests and (later) jobs all come through `put`; text that
// is still streaming is held here and written when somebody reads, when the item ends, and when its turn does.

import type { Clock } from "../../base/kit/clock.ts"
import type { Db, Reader, Tx } from "../../base/storage/port.ts"
import { type Entry, type EntryStatus, type Item, STREAMED, spokenOf } from "./entry.ts"
import {
  type EntryRow,
  entriesOf,
  entriesOfTurn,
  entriesOfType,
  forgetEntries,
  placeOf,
  readEntry,
  streamingOf,
  writeEntry,
} from "./store.ts"

export interface TranscriptNeeds {
  db: Db
  clock: Clock
}

const TERMINAL: ReadonlySet<EntryStatus> = new Set(["complete", "canceled", "error"])

export function createTranscript({ db, clock }: TranscriptNeeds) {
  /** Streaming text by session and item: what the ledger's row doesn't hold yet. */
  const streaming = new Map<string, Map<string, string>>()

  /** Adds or merges an entry by the rules of wire-contract §3.4: a terminal row is never reopened by a streaming one. */
  function put(tx: Tx, sessionId: string, entry: Entry, item?: string): EntryRow {
    const known = readEntry(tx, sessionId, entry.messageId)
    const row = known
      ? merged(known, entry, item)
      : { ...entry, place: placeOf(tx, sessionId, entry.turnId), item }
    writeEntry(tx, sessionId, row)
    return row
  }

  /** An item that started or ended, live. */
  function record(tx: Tx, sessionId: string, live: LiveItem): void {
    const messageId = messageIdOf(tx, sessionId, live)
    // An item stays in the turn in which it began: 0.130 tells ends of commands in the turn after (tried).
    const turnId = readEntry(tx, sessionId, messageId)?.turnId ?? live.turnId
    const entry = { ...entryOfItem({ ...live, turnId }, clock.now()), messageId }
    put(tx, sessionId, entry, JSON.stringify(live.item))
  }

  /**
   * The item's id, unless the ledger has another item under it: 0.105 and 0.130 give a review's two marks one id, and the last
   * word of every review the same (tried).
   */
  function messageIdOf(tx: Tx, sessionId: string, { item, turnId, status }: LiveItem): string {
    const known = readEntry(tx, sessionId, item.id)
    if (!known) return item.id
    const own = known.type === item.type ? `${item.id}@${turnId}` : `${item.id}@${item.type}`
    if (known.type !== item.type || readEntry(tx, sessionId, own)) return own
    const isOver = TERMINAL.has(known.status) && known.turnId !== turnId
    return isOver && status === "streaming" ? own : item.id
  }

  /** Takes streamed text in. Called after the commit of the delta's event, so that nothing is heard twice. */
  function hear(sessionId: string, itemId: string, delta: string): void {
    const texts = streaming.get(sessionId) ?? new Map<string, string>()
    streaming.set(sessionId, texts)
    texts.set(itemId, (texts.get(itemId) ?? "") + delta)
  }

  /** Drops held text of an item that has ended: its row is whole. After the commit. */
  function silence(sessionId: string, itemId?: string): void {
    if (itemId === undefined) streaming.delete(sessionId)
    else streaming.get(sessionId)?.delete(itemId)
  }

  /** Writes the text held for a session's streaming rows into them. */
  function pour(tx: Tx, sessionId: string): void {
    const texts = streaming.get(sessionId)
    if (!texts?.size) return
    for (const row of streamingOf(tx, sessionId)) {
      const text = texts.get(row.messageId)
      if (text !== undefined && text.length > row.content.length)
        writeEntry(tx, sessionId, withText(row, text))
    }
  }

  /** Ends what still streams in a turn: `complete` only if the turn completed (decisions 19). Answers the rows' ids. */
  function close(tx: Tx, sessionId: string, turnId: string, outcome: EntryStatus): void {
    pour(tx, sessionId)
    const at = clock.now()
    for (const row of streamingOf(tx, sessionId)) {
      if (row.turnId === turnId)
        writeEntry(tx, sessionId, { ...cutOff(row, outcome), status: outcome, completedAt: at })
    }
  }

  return {
    put,
    record,
    hear,
    silence,
    pour,
    close,
    /** Its session is gone. */
    forget: (tx: Tx, sessionId: string): void => forgetEntries(tx, sessionId),
    /** The app-server's item behind an entry. */
    itemOf(reader: Reader, sessionId: string, messageId: string): Item | undefined {
      const item = readEntry(reader, sessionId, messageId)?.item
      return item === undefined ? undefined : (JSON.parse(item) as Item)
    },
    has: (reader: Reader, sessionId: string, messageId: string) =>
      readEntry(reader, sessionId, messageId) !== undefined,
    ofType: (reader: Reader, sessionId: string, type: string) => entriesOfType(reader, sessionId, type),
    ofTurn: (reader: Reader, sessionId: string, turnId: string) => entriesOfTurn(reader, sessionId, turnId),
    /** All entries in order, streaming text included up to this moment. */
    async read(sessionId: string): Promise<EntryRow[]> {
      const texts = streaming.get(sessionId)
      if (!texts?.size) return entriesOf(db, sessionId)
      const poured = await db
        .act((tx) => pour(tx, sessionId))
        .then(
          () => true,
          () => false,
        )
      const rows = entriesOf(db, sessionId)
      // On a full disk the rows can't be brought up to date: the text is shown all the same.
      return poured ? rows : rows.map((row) => shown(row, texts))
    },
  }
}
export type Transcript = ReturnType<typeof createTranscript>

export interface LiveItem {
  item: Item
  turnId: string
  status: EntryStatus
  /** When known; else now. */
  startedAt?: number | undefined
  completedAt?: number | undefined
}

/** The contract's entry of a row, without what is only ours. */
export function plainEntry({ place: _place, item: _item, ...entry }: EntryRow): Entry {
  return entry
}

function entryOfItem({ item, turnId, status, startedAt, completedAt }: LiveItem, now: number): Entry {
  const done = status !== "streaming"
  return {
    messageId: item.id,
    turnId,
    type: item.type,
    ...spokenOf(item),
    startedAt: startedAt ?? (done ? undefined : now),
    completedAt: done ? (completedAt ?? now) : undefined,
    status,
  }
}

function merged(known: EntryRow, next: Entry, item: string | undefined): EntryRow {
  const reopening = TERMINAL.has(known.status) && next.status === "streaming"
  const startedAt = least(known.startedAt, next.startedAt)
  const completedAt = most(known.completedAt, next.completedAt)
  return {
    ...known,
    ...next,
    details: reopening ? known.details : (next.details ?? known.details),
    content: reopening ? known.content : next.content,
    status: reopening ? known.status : next.status,
    startedAt,
    completedAt: completedAt === undefined ? undefined : Math.max(completedAt, startedAt ?? completedAt),
    place: known.place,
    item: reopening ? known.item : (item ?? known.item),
  }
}

/** The line of a row whose item never ended: not what it was doing but how it stopped. */
function cutOff(row: EntryRow, outcome: EntryStatus): EntryRow {
  if (row.item === undefined || row.role !== "system" || outcome === "complete") return row
  const word = outcome === "error" ? "failed" : "interrupted"
  return { ...row, content: spokenOf({ ...(JSON.parse(row.item) as Item), status: word }).content }
}

function shown(row: EntryRow, texts: Map<string, string>): EntryRow {
  const text = row.status === "streaming" ? texts.get(row.messageId) : undefined
  return text === undefined || text.length <= row.content.length ? row : withText(row, text)
}

function withText(row: EntryRow, text: string): EntryRow {
  const field = STREAMED[row.type as keyof typeof STREAMED]
  if (!field || row.item === undefined) return { ...row, content: text }
  return { ...row, content: text, item: JSON.stringify({ ...JSON.parse(row.item), [field]: text }) }
}

const least = (a: number | undefined, b: number | undefined) =>
  a === undefined ? b : b === undefined ? a : Math.min(a, b)
const most = (a: number | undefined, b: number | undefined) =>
  a === undefined ? b : b === undefined ? a : Math.max(a, b)
