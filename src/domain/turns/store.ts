// The turns table: what ran in a session, in which run of the child, and how it ended.

import type { Reader, Row, Tx } from "../../base/storage/port.ts"
import type { RollbackMark } from "./child.ts"

/** What a turn is for. Only a message's can be joined (decisions 16). */
export type TurnKind = "message" | "review" | "compact"

/** The app-server's words; only `inProgress` is not an end. */
export type TurnStatus = "inProgress" | "completed" | "interrupted" | "failed"

export interface Turn {
  sessionId: string
  id: string
  place: number
  status: TurnStatus
  /** The app-server's error object as JSON. */
  error: string | undefined
  runId: string | undefined
  /** Epoch milliseconds. */
  startedAt: number | undefined
  completedAt: number | undefined
  kind: TurnKind
  /** The tuple that it runs with, as JSON; undefined for a turn that we didn't start. */
  controls: string | undefined
  rolledBackAt: number | undefined
  /** `{asked, sent, note}` as JSON where the binary was sent another approval policy than was asked for. */
  policy?: string | undefined
  /** Who asked for a compaction or a review: the author of its entries. */
  askedBy?: string | undefined
}

const GET = `SELECT * FROM turns WHERE session_id = ? AND id = ?`
const OF_SESSION = `SELECT * FROM turns WHERE session_id = ? AND rolled_back_at IS NULL ORDER BY place`
// The plus keeps it to the index of running turns: in the order of places it would read all that have ended.
const ACTIVE = `SELECT * FROM turns WHERE session_id = ? AND status = 'inProgress' ORDER BY +place DESC LIMIT 1`
const RUNNING = `SELECT * FROM turns WHERE status = 'inProgress'`
const PUT = `INSERT INTO turns (session_id, id, place, status, error, run_id, started_at, completed_at, kind, controls,
    asked_by)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (session_id, id) DO UPDATE SET status = excluded.status, error = excluded.error,
    run_id = excluded.run_id, started_at = excluded.started_at, completed_at = excluded.completed_at,
    kind = excluded.kind, controls = excluded.controls`
const ROLL_BACK = `UPDATE turns SET rolled_back_at = ? WHERE session_id = ? AND place >= ? AND rolled_back_at IS NULL`
const PUT_ALIAS = `INSERT INTO turn_aliases (session_id, alias, turn_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
const ALIAS = `SELECT turn_id FROM turn_aliases WHERE session_id = ? AND alias = ?`
const ALIASES_OF = `SELECT alias FROM turn_aliases WHERE session_id = ? AND turn_id = ?`
/** What a fork has done by itself comes behind what it was made of. */
const SHIFT = `UPDATE turns SET place = place + ? WHERE session_id = ?`
const COPY = `INSERT INTO turns (session_id, id, place, status, error, run_id, started_at, completed_at, kind, controls, policy,
    rolled_back_at, dropped, dropped_until, dropped_done, asked_by)
  SELECT ?, id, place, status, error, run_id, started_at, completed_at, kind, controls, policy,
    rolled_back_at, dropped, dropped_until, dropped_done, asked_by FROM turns
  WHERE session_id = ? AND status <> 'inProgress' AND (rolled_back_at IS NULL OR dropped IS NOT NULL) ON CONFLICT DO NOTHING`
const COPY_ALIASES = `INSERT INTO turn_aliases (session_id, alias, turn_id)
  SELECT ?, alias, turn_id FROM turn_aliases WHERE session_id = ? ON CONFLICT DO NOTHING`
const PUT_ROLLBACK = `INSERT INTO rollbacks (session_id, turn_ids, mark, created_at, asked_by) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (session_id) DO UPDATE SET turn_ids = excluded.turn_ids, mark = excluded.mark, created_at = excluded.created_at,
  asked_by = excluded.asked_by`
const ROLLBACK = `SELECT * FROM rollbacks WHERE session_id = ?`
const ROLLBACKS = `SELECT session_id FROM rollbacks`
const DROP_ROLLBACK = `DELETE FROM rollbacks WHERE session_id = ?`
const FORGET = [
  DROP_ROLLBACK,
  `DELETE FROM turns WHERE session_id = ?`,
  `DELETE FROM turn_aliases WHERE session_id = ?`,
  `DELETE FROM said WHERE session_id = ?`,
]
const COMPLETED = `SELECT EXISTS (SELECT 1 FROM turns WHERE session_id = ? AND status = 'completed') AS yes`
const NOTE_POLICY = `UPDATE turns SET policy = ? WHERE session_id = ? AND id = ?`
const KEEP_SAID = `INSERT INTO said (session_id, turn_id, text) VALUES (?, ?, ?)`
const TAKE_SAID = `DELETE FROM said WHERE session_id = ? AND turn_id = ? RETURNING rowid, text`

export const readTurn = (db: Reader, sessionId: string, id: string): Turn | undefined =>
  turnOf(db.get(GET, sessionId, id))
export const turnsOf = (db: Reader, sessionId: string): Turn[] =>
  db.all(OF_SESSION, sessionId).flatMap((r) => turnOf(r) ?? [])
export const activeTurn = (db: Reader, sessionId: string): Turn | undefined =>
  turnOf(db.get(ACTIVE, sessionId))
export const hasCompleted = (db: Reader, sessionId: string): boolean =>
  db.get(COMPLETED, sessionId)?.yes === 1
export const runningTurns = (db: Reader): Turn[] => db.all(RUNNING).flatMap((r) => turnOf(r) ?? [])

export function writeTurn(tx: Tx, t: Turn): void {
  tx.run(
    PUT,
    t.sessionId,
    t.id,
    t.place,
    t.status,
    t.error ?? null,
    t.runId ?? null,
    t.startedAt ?? null,
    t.completedAt ?? null,
    t.kind,
    t.controls ?? null,
    t.askedBy ?? null,
  )
}

/** Takes the turn at that place back, and all behind it. */
export const rollBack = (tx: Tx, { sessionId, place }: Pick<Turn, "sessionId" | "place">, at: number): void =>
  void tx.run(ROLL_BACK, at, sessionId, place)

/** Turns that the child was, or is about to be, asked to take back. */
export interface Rollback {
  sessionId: string
  /** Oldest first. */
  turnIds: string[]
  mark: RollbackMark
  /** Who asked, as the author of its row. */
  by: string | undefined
  createdAt: number
}
export const keepRollback = (tx: Tx, { sessionId, turnIds, mark, createdAt, by }: Rollback): void =>
  void tx.run(PUT_ROLLBACK, sessionId, JSON.stringify(turnIds), JSON.stringify(mark), createdAt, by ?? null)
export const dropRollback = (tx: Tx, sessionId: string): void => void tx.run(DROP_ROLLBACK, sessionId)
export const rollingBack = (db: Reader): string[] => db.all(ROLLBACKS).map((row) => row.session_id as string)
export function readRollback(db: Reader, sessionId: string): Rollback | undefined {
  const row = db.get(ROLLBACK, sessionId)
  if (!row) return undefined
  return {
    sessionId,
    turnIds: JSON.parse(row.turn_ids as string) as string[],
    mark: JSON.parse(row.mark as string) as RollbackMark,
    createdAt: row.created_at as number,
    by: (row.asked_by as string | null) ?? undefined,
  }
}

export const writeAlias = (tx: Tx, { sessionId, id }: Pick<Turn, "sessionId" | "id">, alias: string): void =>
  void tx.run(PUT_ALIAS, sessionId, alias, id)
/** The turn that is meant by an id: itself, or the one that it is another name of. */
export const realId = (db: Reader, sessionId: string, id: string): string =>
  (db.get(ALIAS, sessionId, id)?.turn_id as string | undefined) ?? id
export const aliasesOf = (db: Reader, { sessionId, id }: Pick<Turn, "sessionId" | "id">): string[] =>
  db.all(ALIASES_OF, sessionId, id).map((row) => row.alias as string)

/** A fork has the turns that have ended, under the same ids; its own come `places` later. */
export function copyTurns(tx: Tx, { from, to, places }: { from: string; to: string; places: number }): void {
  tx.run(SHIFT, places, to)
  tx.run(COPY, to, from)
  tx.run(COPY_ALIASES, to, from)
}

/** The session is gone. */
export function forgetTurns(tx: Tx, sessionId: string): void {
  for (const statement of FORGET) tx.run(statement, sessionId)
}

export const notePolicy = (tx: Tx, { sessionId, id }: Pick<Turn, "sessionId" | "id">, policy: object): void =>
  void tx.run(NOTE_POLICY, JSON.stringify(policy), sessionId, id)

export const keepSaid = (tx: Tx, { sessionId, id }: Turn, text: string): void =>
  void tx.run(KEEP_SAID, sessionId, id, text)

/** What was said to the turn, in order; it is kept no longer. */
export function takeSaid(tx: Tx, { sessionId, id }: Turn): string[] {
  const rows = tx.all(TAKE_SAID, sessionId, id)
  return rows.sort((a, b) => Number(a.rowid) - Number(b.rowid)).map(({ text }) => text as string)
}

function turnOf(row: Row | undefined): Turn | undefined {
  if (!row) return undefined
  return {
    sessionId: row.session_id as string,
    id: row.id as string,
    place: row.place as number,
    status: row.status as TurnStatus,
    error: (row.error as string | null) ?? undefined,
    runId: (row.run_id as string | null) ?? undefined,
    startedAt: (row.started_at as number | null) ?? undefined,
    completedAt: (row.completed_at as number | null) ?? undefined,
    policy: (row.policy as string | null) ?? undefined,
    kind: row.kind as TurnKind,
    controls: (row.controls as string | null) ?? undefined,
    rolledBackAt: (row.rolled_back_at as number | null) ?? undefined,
    askedBy: (row.asked_by as string | null) ?? undefined,
  }
}
