// Reading from what is stored: entries are joined as the JSON text that they are kept as, in the order in which they were put. A
// page costs the same however long the session is.

import type { Log } from "../../../base/events/log.ts"
import { eventOf, FRAMES_PER_EVENT, seqOf } from "../../../base/events/replay.ts"
import { iso } from "../../../base/kit/clock.ts"
import type { Db, Reader } from "../../../base/storage/port.ts"
import { entryText } from "../entry.ts"
import type { EntryRow } from "../store.ts"
import * as store from "./store.ts"

export interface ReadingNeeds {
  db: Db
  log: Pick<Log, "head" | "id">
  /** Every row with the text that is only held, for when there is no room to write it. */
  readWhole(sessionId: string): EntryRow[]
}

export interface Joined {
  /** JSON array of entries. */
  transcript: string
  /** The items of each turn, JSON separated by commas. */
  items: ReadonlyMap<string, string>
}

export interface PageOf {
  /** The oldest entry of the page after this one. */
  before?: string | undefined
  limit: number
}

export function createReading({ db, log, readWhole }: ReadingNeeds) {
  /** The place up to which everything has been told, as `ready` says it. */
  const head = (): string => `${log.id}.${seqOf(log.head(), FRAMES_PER_EVENT - 1)}`

  function joined(sessionId: string, poured: boolean): Joined {
    if (poured)
      return {
        transcript: `[${store.joinedEntries(db, sessionId)}]`,
        items: store.joinedItems(db, sessionId),
      }
    const rows = readWhole(sessionId)
    const items = new Map<string, string>()
    for (const { turnId, item } of rows) {
      if (item === undefined) continue
      const before = items.get(turnId)
      items.set(turnId, before === undefined ? item : `${before},${item}`)
    }
    return { transcript: `[${rows.map(textOf).join(",")}]`, items }
  }

  /** `{sessionId, head, entries, before, droppedBefore}`: the last entries, or those before one; undefined when nobody knows that one. */
  function page(sessionId: string, { before, limit }: PageOf): string | undefined {
    const place = head()
    const at = before === undefined ? undefined : store.whereIs(db, sessionId, before)
    if (before !== undefined && at === undefined) return undefined
    // One more says whether there are older ones.
    const rows = store.pageOf(db, sessionId, { at, limit: limit + 1 })
    const shown = rows.slice(0, limit).reverse()
    const oldest = rows.length > limit ? shown[0]?.messageId : undefined
    return answer(sessionId, place, [
      `"entries":[${shown.map(({ json }) => json).join(",")}]`,
      `"before":${JSON.stringify(oldest ?? null)}`,
      droppedField(store.dropped(db, sessionId)),
    ])
  }

  /**
   * `{sessionId, head, whole, entries, after, removed, droppedBefore}`: what has changed since an earlier `head`, each beside the id of the
   * entry that it follows, and the ids of all that was ever taken back. Everything, for a place in another log, and for one
   * from before turns were dropped.
   */
  function since(sessionId: string, mark: string): string {
    const place = head()
    const [, id, digits] = /^(.*)\.(\d{1,15})$/.exec(mark) ?? []
    const dropped = store.dropped(db, sessionId)
    const told = eventOf(Number(digits))
    const whole = id !== log.id || (dropped !== undefined && told < dropped.n)
    const n = whole ? -1 : told
    const rows = store.changedSince(db, sessionId, n)
    const after = rows.map((row) => store.predecessor(db, sessionId, row) ?? null)
    const removed = whole ? [] : store.hiddenEntries(db, sessionId)
    return answer(sessionId, place, [
      `"whole":${whole}`,
      `"entries":[${rows.map(({ json }) => json).join(",")}]`,
      `"after":${JSON.stringify(after)}`,
      `"removed":${JSON.stringify(removed)}`,
      droppedField(dropped),
    ])
  }

  /** When the last turn ended that was dropped for its age; those before it are gone as well. */
  const droppedUntil = (reader: Reader, sessionId: string): number | undefined =>
    store.dropped(reader, sessionId)?.until

  return { joined, page, since, droppedUntil }
}

const droppedField = (dropped: { until: number } | undefined): string =>
  `"droppedBefore":${dropped ? JSON.stringify(iso(dropped.until)) : null}`

const answer = (sessionId: string, head: string, fields: string[]): string =>
  `{"sessionId":${JSON.stringify(sessionId)},"head":${JSON.stringify(head)},${fields.join(",")}}`

const textOf = (row: EntryRow): string => entryText({ ...row, status: row.shownAs ?? row.status })
