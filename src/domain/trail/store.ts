// The audit table: rows that are added and, when they are old or too many, removed; none is ever changed.

import type { Reader, Row, SqlValue, Tx } from "../../base/storage/port.ts"

export interface Entry {
  n: number
  /** Epoch milliseconds. */
  at: number
  who: string
  /** How they proved it: `token`, `cookie`, `role`, `socket`, `nothing`, `extension`, `worker`, `cli`. */
  via: string
  /** Where they came from: an address, `unix`. */
  origin: string
  method: string
  /** The route's pattern, or the action's name. */
  route: string
  session: string | undefined
  /** The ids in the path, as JSON. */
  params: string
  /** 2xx and the like; undefined for an action. */
  status: number | undefined
  /** `ok`, the fault's code, or the action's outcome. */
  result: string
  ms: number
  requestId: string | undefined
}

export interface AskTrail {
  who?: string | undefined
  route?: string | undefined
  session?: string | undefined
  /** Epoch milliseconds, `from` included and `to` not. */
  from?: number | undefined
  to?: number | undefined
  /** Older than this entry. */
  before?: number | undefined
  limit: number
}

const ADD = `INSERT INTO audit_trail (at, who, via, origin, method, route, session_id, params, status, result, ms, request_id)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
const COLUMNS = `n, at, who, via, origin, method, route, session_id, params, status, result, ms, request_id`
const BOUNDS = `SELECT min(n) AS first, max(n) AS last FROM audit_trail`
const DROP_OLD = `DELETE FROM audit_trail WHERE n IN (SELECT n FROM audit_trail WHERE at < ? ORDER BY at LIMIT ?)`
const DROP_FIRST = `DELETE FROM audit_trail WHERE n IN (SELECT n FROM audit_trail WHERE n <= ? ORDER BY n LIMIT ?)`

export function addEntry(tx: Tx, e: Omit<Entry, "n">): void {
  tx.run(
    ADD,
    e.at,
    e.who,
    e.via,
    e.origin,
    e.method,
    e.route,
    e.session ?? null,
    e.params,
    e.status ?? null,
    e.result,
    e.ms,
    e.requestId ?? null,
  )
}

/** Newest first. */
export function entries(db: Reader, ask: AskTrail): Entry[] {
  const asked: [string, SqlValue | undefined][] = [
    ["who = ?", ask.who],
    ["route = ?", ask.route],
    ["session_id = ?", ask.session],
    ["at >= ?", ask.from],
    ["at < ?", ask.to],
    ["n < ?", ask.before],
  ]
  const given = asked.filter((one): one is [string, SqlValue] => one[1] !== undefined)
  const where = given.length > 0 ? `WHERE ${given.map(([text]) => text).join(" AND ")}` : ""
  const sql = `SELECT ${COLUMNS} FROM audit_trail ${where} ORDER BY n DESC LIMIT ?`
  return db.all(sql, ...given.map(([, value]) => value), ask.limit).map(entryOf)
}

/** Up to `most` rows: those from before `oldest`, else those beyond the newest `keep`. How many went. */
export function dropEntries(
  tx: Tx,
  { oldest, keep, most }: { oldest: number; keep: number; most: number },
): number {
  const aged = tx.run(DROP_OLD, oldest, most).changes
  if (aged > 0) return aged
  const { last } = tx.get(BOUNDS) ?? {}
  return typeof last === "number" ? tx.run(DROP_FIRST, last - keep, most).changes : 0
}

const entryOf = (row: Row): Entry => ({
  n: row.n as number,
  at: row.at as number,
  who: row.who as string,
  via: row.via as string,
  origin: row.origin as string,
  method: row.method as string,
  route: row.route as string,
  session: (row.session_id as string | null) ?? undefined,
  params: row.params as string,
  status: (row.status as number | null) ?? undefined,
  result: row.result as string,
  ms: row.ms as number,
  requestId: (row.request_id as string | null) ?? undefined,
})
