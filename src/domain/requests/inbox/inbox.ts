// The operator's inbox: what waits for a person anywhere, oldest first, a page at a time. A cursor is the place of the last
// row, so nothing is missed or told twice while requests come and go.

import { foreignCursor, textOfCursor } from "../../../base/kit/cursor.ts"
import type { Reader } from "../../../base/storage/port.ts"
import { type Kind, METHODS, type Topic } from "../kinds.ts"
import type { RequestState } from "../machine/states.ts"
import { rowOf } from "../row.ts"
import { readRequest } from "../store.ts"
import { type Found, type Place, pageOfRequests } from "./store.ts"

export interface AskInbox {
  states: readonly RequestState[]
  limit: number
  kind?: Kind | undefined
  topic?: Topic | undefined
  sessionId?: string | undefined
  projectId?: string | undefined
  cursor?: string | undefined
}

/** Answers `{data, nextCursor}`; throws `invalid_request` for a cursor that isn't ours. */
export function readInbox(db: Reader, { states, limit, cursor, kind, topic, ...where }: AskInbox) {
  const after = cursor === undefined ? undefined : placeOf(cursor)
  const isWanted = (row: { kind: Kind; topic: Topic }) =>
    (kind === undefined || row.kind === kind) && (topic === undefined || row.topic === topic)
  const methods = Object.keys(METHODS).filter((name) => METHODS[name] && isWanted(METHODS[name]))
  if (methods.length === 0) return { data: [], nextCursor: null }
  const named = kind === undefined && topic === undefined ? undefined : methods
  const found = states
    .flatMap((state) => pageOfRequests(db, { ...where, state, methods: named, limit: limit + 1, after }))
    .sort(byAge)
  const page = found.slice(0, limit)
  const last = page.at(-1)
  return {
    data: page.flatMap((one) => inboxRow(db, one)),
    nextCursor: found.length > limit && last ? btoa(`${last.createdAt}/${last.id}`) : null,
  }
}

function inboxRow(db: Reader, { id, sessionTitle, projectId }: Found) {
  const request = readRequest(db, id)
  if (!request) return []
  const { kind, sessionId } = request
  return [{ id, kind, sessionId, sessionTitle, projectId, ...rowOf(request) }]
}

const byAge = (a: Place, b: Place): number =>
  a.createdAt - b.createdAt || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)

function placeOf(cursor: string): Place {
  const [, createdAt, id] = /^(\d+)\/(.+)$/.exec(textOfCursor(cursor)) ?? []
  if (createdAt !== undefined && id !== undefined) return { createdAt: Number(createdAt), id }
  throw foreignCursor()
}
