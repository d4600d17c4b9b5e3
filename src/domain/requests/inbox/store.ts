// Where requests of all sessions are paged through: by age, each state read along its own index, so that a page costs what is
// on it however many wait. Sessions are only looked at; a request of a thread that is no session yet is there too.

import type { Reader, SqlValue } from "../../../base/storage/port.ts"
import { type RequestState, UNSETTLED } from "../machine/states.ts"
import { inStates } from "../store.ts"

export interface Place {
  createdAt: number
  id: string
}
export interface Wanted {
  state: RequestState
  limit: number
  after?: Place | undefined
  methods?: readonly string[] | undefined
  sessionId?: string | undefined
  projectId?: string | undefined
}
export interface Found extends Place {
  sessionTitle: string | null
  projectId: string | null
}

const PAGE = `SELECT r.id, r.created_at, s.title, s.project_id
  FROM requests r LEFT JOIN sessions s ON s.id = r.session_id
  WHERE coalesce(s.system_owned, 0) = 0`
// Of one session's its own index, which knows the unsettled alone: the plus keeps the one by age out.
const OF_SESSION = `r.session_id = ? AND +r.state = ?`
const OLDEST_FIRST = `ORDER BY r.created_at, r.id LIMIT ?`

const isUnsettled = (state: RequestState): boolean => (UNSETTLED as readonly RequestState[]).includes(state)

/** Requests in that state, oldest first, after that place. */
export function pageOfRequests(db: Reader, wanted: Wanted): Found[] {
  const { state, limit, after, methods, sessionId, projectId } = wanted
  const where = [PAGE]
  const values: SqlValue[] = []
  const and = (condition: string, ...more: SqlValue[]) => {
    where.push(`AND ${condition}`)
    values.push(...more)
  }
  if (sessionId === undefined) and("r.state = ?", state)
  else if (isUnsettled(state)) and(`${OF_SESSION} AND r.${inStates(UNSETTLED)}`, sessionId, state)
  else and("r.session_id = ? AND r.state = ?", sessionId, state)
  if (after) and("(r.created_at, r.id) > (?, ?)", after.createdAt, after.id)
  if (methods) and(`r.method IN (${methods.map(() => "?").join(", ")})`, ...methods)
  if (projectId !== undefined) and("s.project_id = ?", projectId)
  return db.all(`${where.join(" ")} ${OLDEST_FIRST}`, ...values, limit).map((row) => ({
    id: row.id as string,
    createdAt: row.created_at as number,
    sessionTitle: row.title as string | null,
    projectId: row.project_id as string | null,
  }))
}
