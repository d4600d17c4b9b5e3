// The list of sessions as clients page through it: the order is read from an index, the rows are kept as JSON text until
// something about them is written, and so are whole pages until anything is (22 µs a page with kept rows, 1 with a kept page).

import { foreignCursor, textOfCursor } from "../../base/kit/cursor.ts"
import type { Reader } from "../../base/storage/port.ts"
import { type Place, pageOfSessions } from "./store.ts"

export interface ListNeeds {
  db: Reader
  /** A session's row of the list; undefined when it is gone. */
  summary(id: string): object | undefined
}

export interface AskList {
  archived: boolean
  includeSystemOwned: boolean
  limit: number
  cursor?: string | undefined
}

/** Some 500 bytes each. */
const KEPT_ROWS = 5_000
/** Some 10 KB each. */
const KEPT_PAGES = 100

export function createList({ db, summary }: ListNeeds) {
  const texts = new Map<string, string>()
  const pages = new Map<string, string>()

  function textOf(id: string): string | undefined {
    const known = texts.get(id)
    if (known !== undefined) return known
    const row = summary(id)
    if (!row) return undefined
    if (texts.size >= KEPT_ROWS) texts.clear()
    const text = JSON.stringify(row)
    texts.set(id, text)
    return text
  }

  function read({ cursor, ...ask }: AskList): string {
    const after = cursor === undefined ? undefined : placeOf(cursor)
    const places = pageOfSessions(db, { ...ask, limit: ask.limit + 1, after })
    const more = places.length > ask.limit
    if (more) places.pop()
    const last = places.at(-1)
    const rows = places.flatMap(({ id }) => textOf(id) ?? [])
    const next = more && last ? JSON.stringify(cursorOf(last)) : "null"
    return `{"data":[${rows.join(",")}],"nextCursor":${next},"archived":${ask.archived}}`
  }

  return {
    /**
     * The page after `cursor` as JSON text, newest first: `{data, nextCursor, archived}`. `nextCursor` is null at the end.
     * Throws `invalid_request` for a cursor that isn't ours.
     */
    page(ask: AskList): string {
      const key = `${ask.archived} ${ask.includeSystemOwned} ${ask.limit} ${ask.cursor ?? ""}`
      const known = pages.get(key)
      if (known !== undefined) return known
      if (pages.size >= KEPT_PAGES) pages.clear()
      const page = read(ask)
      pages.set(key, page)
      return page
    },
    /** The row is written anew: called inside the act, before anybody can read what it leaves. Of all sessions without an id. */
    stale(id?: string): void {
      pages.clear()
      if (id === undefined) texts.clear()
      else texts.delete(id)
    },
  }
}

const cursorOf = ({ updatedAt, createdAt, id }: Place): string => btoa(`${updatedAt}/${createdAt}/${id}`)

function placeOf(cursor: string): Place {
  const [updatedAt, createdAt, ...id] = textOfCursor(cursor).split("/")
  const place = { updatedAt: Number(updatedAt), createdAt: Number(createdAt), id: id.join("/") }
  if (Number.isFinite(place.updatedAt) && Number.isFinite(place.createdAt) && place.id) return place
  throw foreignCursor()
}
