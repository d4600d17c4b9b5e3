// The usage tables: the threads' counts as they were last heard, and what was used between.

import type { Reader, Row, SqlValue, Tx } from "../../../base/storage/port.ts"
import { NO_TOKENS, type Tokens } from "./tokens.ts"

const COUNTS = `SELECT * FROM usage_counts WHERE session_id = ? ORDER BY n DESC`
const LAST_COUNT = `${COUNTS} LIMIT 1`
const PUT_COUNT = `INSERT INTO usage_counts (session_id, turn_id, n, total, input, cached, cache_write, output, reasoning)
  SELECT ?1, ?2, coalesce((SELECT max(n) FROM usage_counts WHERE session_id = ?1), 0) + 1, ?3, ?4, ?5, ?6, ?7, ?8 WHERE true
  ON CONFLICT (session_id, turn_id) DO UPDATE SET n = excluded.n, total = excluded.total, input = excluded.input,
    cached = excluded.cached, cache_write = excluded.cache_write, output = excluded.output, reasoning = excluded.reasoning`
/** Behind what the fork has told by itself already. */
const COPY_COUNTS = `INSERT INTO usage_counts (session_id, turn_id, n, total, input, cached, cache_write, output, reasoning)
  SELECT ?1, turn_id, n - (SELECT max(n) FROM usage_counts WHERE session_id = ?2), total, input, cached, cache_write, output, reasoning
  FROM usage_counts WHERE session_id = ?2 ON CONFLICT DO NOTHING`
const DROP_COUNT = `DELETE FROM usage_counts WHERE session_id = ? AND turn_id = ?`
const ADD = `INSERT INTO usage (session_id, turn_id, day, model, imported, calls, total, input, cached, cache_write, output, reasoning)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (session_id, turn_id, day, model) DO UPDATE SET calls = calls + excluded.calls,
    total = total + excluded.total, input = input + excluded.input, cached = cached + excluded.cached,
    cache_write = cache_write + excluded.cache_write, output = output + excluded.output, reasoning = reasoning + excluded.reasoning`
const OF_SESSION = `SELECT * FROM usage WHERE session_id = ? ORDER BY day, turn_id, model`
/** A thread that began here has no turn that another run of it, or another thread, brought along. */
const FOREIGN_TURN = `SELECT 1 AS yes FROM turns WHERE session_id = ? AND run_id IS NULL LIMIT 1`
const OWN_TURN = `SELECT 1 AS yes FROM turns WHERE session_id = ? AND id = ? AND run_id IS NOT NULL`

/** Everything that counts, of sessions that are there and of those that were. */
const ALL = `SELECT u.day, u.model, u.session_id, u.turn_id, s.project_id, u.imported, u.calls, u.total, u.input, u.cached,
    u.cache_write, u.output, u.reasoning FROM usage AS u JOIN sessions AS s ON s.id = u.session_id
  UNION ALL SELECT day, model, NULL, NULL, nullif(project_id, ''), 0, calls, total, input, cached, cache_write, output, reasoning FROM usage_past`
const SUMS = `sum(calls) AS calls, sum(total) AS total, sum(input) AS input, sum(cached) AS cached, sum(cache_write) AS cache_write,
  sum(output) AS output, sum(reasoning) AS reasoning`

export const DIMENSIONS = {
  day: ["day"],
  model: ["model"],
  project: ["project_id"],
  session: ["session_id"],
  turn: ["session_id", "turn_id"],
} as const
export type Dimension = keyof typeof DIMENSIONS

export function lastCount(db: Reader, sessionId: string): Tokens | undefined {
  const row = db.get(LAST_COUNT, sessionId)
  return row && tokensIn(row)
}
/** Newest first. */
export const countsOf = (db: Reader, sessionId: string): Tokens[] => db.all(COUNTS, sessionId).map(tokensIn)
/** How far it was when that turn last told it. */
export const writeCount = (
  tx: Tx,
  { sessionId, turnId }: { sessionId: string; turnId: string },
  t: Tokens,
): void =>
  void tx.run(PUT_COUNT, sessionId, turnId, t.total, t.input, t.cached, t.cacheWrite, t.output, t.reasoning)
/** A fork counts on from where its source stood. */
export const copyCounts = (tx: Tx, { from, to }: { from: string; to: string }): void =>
  void tx.run(COPY_COUNTS, to, from)
/** A thread that goes back to before these turns goes back with its count, too. */
export function dropCounts(tx: Tx, sessionId: string, turnIds: readonly string[]): void {
  for (const turnId of turnIds) tx.run(DROP_COUNT, sessionId, turnId)
}

/** True if everything that this thread ever did was seen here, and that turn of it too. */
export const beganHere = (db: Reader, sessionId: string, turnId: string): boolean =>
  db.get(OWN_TURN, sessionId, turnId) !== undefined && db.get(FOREIGN_TURN, sessionId) === undefined

export interface Use extends Tokens {
  turnId: string
  day: string
  model: string
  calls: number
}
export function addUse(tx: Tx, sessionId: string, { imported, ...u }: Use & { imported: boolean }): void {
  const counts = [u.calls, u.total, u.input, u.cached, u.cacheWrite, u.output, u.reasoning]
  tx.run(ADD, sessionId, u.turnId, u.day, u.model, Number(imported), ...counts)
}
export const usesOf = (db: Reader, sessionId: string): Use[] =>
  db.all(OF_SESSION, sessionId).map((row) => ({
    turnId: row.turn_id as string,
    day: row.day as string,
    model: row.model as string,
    calls: row.calls as number,
    ...tokensIn(row),
  }))

export interface AskSums {
  groupBy: Dimension[]
  from?: string | undefined
  to?: string | undefined
  sessionId?: string | undefined
  projectId?: string | undefined
  model?: string | undefined
  imported: boolean
}
export interface Sum extends Tokens {
  /** Of the columns asked for; null where that isn't known any more. */
  of: Record<string, string | null>
  calls: number
}

/** One sum for each value of the dimensions, in their order; of nothing at all one sum over everything. */
export function sumUses(db: Reader, ask: AskSums, page: { limit: number; offset: number }): Sum[] {
  const columns = [...new Set(ask.groupBy.flatMap((name) => DIMENSIONS[name]))]
  const { where, values } = conditionsOf(ask)
  const shown = columns.map((name) => `${name}, `).join("")
  const grouped = columns.length > 0 ? `GROUP BY ${columns.join(", ")} ORDER BY ${columns.join(", ")}` : ""
  const sql = `SELECT ${shown}${SUMS} FROM (${ALL}) ${where} ${grouped} LIMIT ? OFFSET ?`
  return db.all(sql, ...values, page.limit, page.offset).map((row) => ({
    of: Object.fromEntries(columns.map((name) => [name, row[name] as string | null])),
    calls: (row.calls as number | null) ?? 0,
    ...tokensIn(row),
  }))
}

function conditionsOf({ from, to, sessionId, projectId, model, imported }: AskSums) {
  const asked: [string, SqlValue | undefined][] = [
    ["day >= ?", from],
    ["day <= ?", to],
    ["session_id = ?", sessionId],
    ["project_id = ?", projectId],
    ["model = ?", model],
  ]
  const given = asked.filter(([, value]) => value !== undefined)
  const all = [...given.map(([text]) => text), ...(imported ? [] : ["imported = 0"])]
  return {
    where: all.length > 0 ? `WHERE ${all.join(" AND ")}` : "",
    values: given.map(([, value]) => value as SqlValue),
  }
}

const tokensIn = (row: Row): Tokens => ({
  ...NO_TOKENS,
  total: (row.total as number | null) ?? 0,
  input: (row.input as number | null) ?? 0,
  cached: (row.cached as number | null) ?? 0,
  cacheWrite: (row.cache_write as number | null) ?? 0,
  output: (row.output as number | null) ?? 0,
  reasoning: (row.reasoning as number | null) ?? 0,
})
