// The transcript: one ledger, one writer. Live items, history, requests, extensions and jobs all come through here; text that
// is still streaming is held here and written when somebody reads, when the item ends, and when its turn does.

import type { NewEvent } from "../../base/events/event.ts"
import type { Log } from "../../base/events/log.ts"
import type { Clock } from "../../base/kit/clock.ts"
import type { Db, Reader, Tx } from "../../base/storage/port.ts"
import { type Audience, transcriptDelta, transcriptUpdated } from "../events.ts"
import {
  type Entry,
  type EntryStatus,
  entryShown,
  entryText,
  type Item,
  isTerminal,
  STREAMED,
  spokenOf,
} from "./entry.ts"
import { createReading } from "./reading/reading.ts"
import {
  type EntryRow,
  entriesOf,
  entriesOfTurn,
  entriesOfType,
  forgetEntries,
  placeOf,
  readEntry,
  settlePlace,
  streamingOf,
} from "./store.ts"
import { createFollowing } from "./writing/following.ts"
import { endedTarget, type JobEnd, openedTarget, type Target, type TargetsOf } from "./writing/targets.ts"
import { createWriter, type How } from "./writing/writer.ts"

export interface TranscriptNeeds {
  db: Db
  clock: Clock
  log: Pick<Log, "next" | "append" | "head" | "id">
  /** Who may hear of a session's events. */
  audienceOf(sessionId: string, reader: Reader): Audience
}

export function createTranscript({ db, clock, log, audienceOf }: TranscriptNeeds) {
  /** Streaming text by session and entry: what the ledger's row doesn't hold yet. */
  const streaming = new Map<string, Map<string, string>>()
  /** Items whose entry has another id than theirs, while they stream. */
  const renamed = new Map<string, Map<string, string>>()
  const following = createFollowing({ db, clock })
  const writer = createWriter({ clock, log })
  const { put } = writer

  /** Writes an entry that no item tells of, and tells it whole (wire-contract §2.4). */
  function say(tx: Tx, sessionId: string, entry: Entry, how: How = {}): EntryRow {
    following.writeIn(tx)
    const row = put(tx, sessionId, entry, how)
    const { turnId, messageId, type } = row
    const told = { threadId: sessionId, turnId, messageId, type, entry: entryShown(row) }
    log.append(tx, transcriptUpdated(audienceOf(sessionId, tx), told))
    return row
  }

  /** An item that started or ended, live, or as history tells it. */
  function record(tx: Tx, sessionId: string, live: LiveItem): EntryRow {
    const messageId = messageIdOf(tx, sessionId, live)
    // An item stays in the turn in which it began: 0.130 tells ends of commands in the turn after (tried).
    const turnId = readEntry(tx, sessionId, messageId)?.turnId ?? live.turnId
    const entry = { ...entryOfItem({ ...live, turnId }, clock.now()), messageId }
    if (messageId !== live.item.id && live.status === "streaming")
      mapOf(renamed, sessionId).set(live.item.id, messageId)
    return put(tx, sessionId, entry, { item: JSON.stringify(live.item), before: live.before })
  }

  /**
   * The item's id, unless the ledger has another item under it: 0.105 and 0.130 give a review's two marks one id, and the last
   * word of every review the same (tried).
   */
  function messageIdOf(tx: Tx, sessionId: string, { item, turnId, status }: LiveItem): string {
    const known = readEntry(tx, sessionId, item.id)
    if (!known) return item.id
    // Somebody outside wrote about it before it was there.
    if (known.item === undefined && known.turnId === turnId) return item.id
    const own = known.type === item.type ? `${item.id}@${turnId}` : `${item.id}@${item.type}`
    if (known.type !== item.type || readEntry(tx, sessionId, own)) return own
    const isOver = isTerminal(known.status) && known.turnId !== turnId
    return isOver && status === "streaming" ? own : item.id
  }

  const nameOf = (sessionId: string, itemId: string): string => renamed.get(sessionId)?.get(itemId) ?? itemId

  /** Takes streamed text in. Called after the commit of the delta's event, so that nothing is heard twice. */
  function hear(sessionId: string, itemId: string, delta: string): void {
    const texts = mapOf(streaming, sessionId)
    const id = nameOf(sessionId, itemId)
    texts.set(id, (texts.get(id) ?? "") + delta)
  }

  /** Tells text that will be heard, `ahead` characters behind what was. */
  function deltaOf(audience: Audience, told: StreamedText): NewEvent {
    const { sessionId: threadId, turnId, itemId, delta, ahead } = told
    const messageId = nameOf(threadId, itemId)
    const offset = (streaming.get(threadId)?.get(messageId)?.length ?? 0) + ahead
    return transcriptDelta(audience, { threadId, turnId, messageId, offset, delta })
  }

  /** Drops held text of an item that has ended: its row is whole. After the commit. */
  function silence(sessionId: string, itemId?: string): void {
    if (itemId !== undefined) streaming.get(sessionId)?.delete(nameOf(sessionId, itemId))
    if (itemId !== undefined) renamed.get(sessionId)?.delete(itemId)
    else for (const held of [streaming, renamed]) held.delete(sessionId)
  }

  /** Writes the text held for a session's streaming rows into them. */
  function pour(tx: Tx, sessionId: string): void {
    const texts = streaming.get(sessionId)
    if (!texts?.size) return
    for (const row of streamingOf(tx, sessionId)) {
      const text = texts.get(row.messageId)
      if (text !== undefined && text.length > row.content.length)
        writer.write(tx, sessionId, withText(row, text))
    }
  }

  /** Ends what still streams in a turn: `complete` only if the turn completed (decisions 19). */
  function close(tx: Tx, sessionId: string, turnId: string, outcome: EntryStatus): void {
    pour(tx, sessionId)
    writer.close(tx, sessionId, turnId, outcome)
  }

  /** Brings the rows up to this moment. False where there is no room for it: then `texts` are shown beside them. */
  async function poured(sessionId: string): Promise<boolean> {
    if (!following.catchUp()) return false
    if (!streaming.get(sessionId)?.size) return true
    return db
      .act((tx) => pour(tx, sessionId))
      .then(
        () => true,
        () => false,
      )
  }

  /** The job begins: its rows are there from now on. */
  function openTargets(tx: Tx, sessionId: string, { about, targets }: TargetSet): void {
    for (const target of targets) {
      const known = readEntry(tx, sessionId, target.messageId)
      const entry = openedTarget({ target, about, known, now: clock.now() })
      if (entry) say(tx, sessionId, entry, { reopen: true })
    }
  }

  /** The job has ended, or a start finds that it did: its rows say how. */
  function reconcileTargets(tx: Tx, sessionId: string, { about, targets, ...end }: TargetSet & JobEnd): void {
    for (const target of targets) {
      const known = readEntry(tx, sessionId, target.messageId)
      const entry = endedTarget({ target, about, known, now: clock.now() }, end)
      if (entry) say(tx, sessionId, entry)
    }
  }

  return {
    put,
    say,
    record,
    hear,
    deltaOf,
    silence,
    pour,
    close,
    openTargets,
    reconcileTargets,
    copy: writer.copy,
    /** A turn that rows named already has its place now. */
    settlePlace: (tx: Tx, sessionId: string, at: { turnId: string; place: number }): void =>
      settlePlace(tx, sessionId, { ...at, changed: log.next() }),
    placeOf: (reader: Reader, sessionId: string, turnId: string): number =>
      placeOf(reader, sessionId, turnId).place,
    /** Its session is gone. */
    forget: (tx: Tx, sessionId: string): void => forgetEntries(tx, sessionId),
    /** The app-server's item behind an entry. */
    itemOf(reader: Reader, sessionId: string, messageId: string): Item | undefined {
      const item = readEntry(reader, sessionId, messageId)?.item
      return item === undefined ? undefined : (JSON.parse(item) as Item)
    },
    find: (reader: Reader, sessionId: string, messageId: string) => readEntry(reader, sessionId, messageId),
    has: (reader: Reader, sessionId: string, messageId: string) =>
      readEntry(reader, sessionId, messageId) !== undefined,
    ofType: (reader: Reader, sessionId: string, type: string) => entriesOfType(reader, sessionId, type),
    ofTurn: (reader: Reader, sessionId: string, turnId: string) => entriesOfTurn(reader, sessionId, turnId),
    /** All entries in order, streaming text included up to this moment. */
    async read(sessionId: string): Promise<EntryRow[]> {
      const whole = await poured(sessionId)
      const rows = entriesOf(db, sessionId)
      const texts = streaming.get(sessionId)
      // On a full disk the rows can't be brought up to date: the text is shown all the same.
      return whole || !texts ? rows : rows.map((row) => shown(row, texts))
    },
    poured,
    /** For entries that may come a moment after what they tell of. */
    following,
    /** Nothing is held beside the rows. */
    isPoured: (sessionId: string): boolean => !following.waits() && !streaming.get(sessionId)?.size,
    ...createReading({
      db,
      log,
      readWhole: (id) => entriesOf(db, id).map((row) => shown(row, streaming.get(id))),
    }),
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
  /** The entry that it comes directly before, where history adds it in between. */
  before?: EntryRow | undefined
}

export interface StreamedText {
  sessionId: string
  turnId: string | null
  itemId: string
  delta: string
  ahead: number
}

export interface TargetSet {
  about: TargetsOf
  targets: readonly Target[]
}

/** The contract's entry of a row, without what is only ours. */
export const plainEntry = (row: EntryRow): Entry =>
  JSON.parse(entryText({ ...row, status: row.shownAs ?? row.status })) as Entry

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

function shown(row: EntryRow, texts: Map<string, string> | undefined): EntryRow {
  const text = row.status === "streaming" ? texts?.get(row.messageId) : undefined
  return text === undefined || text.length <= row.content.length ? row : withText(row, text)
}

function withText(row: EntryRow, text: string): EntryRow {
  const field = STREAMED[row.type as keyof typeof STREAMED]
  if (!field || row.item === undefined) return { ...row, content: text }
  return { ...row, content: text, item: JSON.stringify({ ...JSON.parse(row.item), [field]: text }) }
}

function mapOf(maps: Map<string, Map<string, string>>, key: string): Map<string, string> {
  const found = maps.get(key) ?? new Map<string, string>()
  maps.set(key, found)
  return found
}
