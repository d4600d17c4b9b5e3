// The requests table: every question of the child to a person, and what became of it.

import type { Reader, Row, Tx } from "../../base/storage/port.ts"
import type { Kind } from "./kinds.ts"
import { MOVES, type RequestState, UNSETTLED, WAITING } from "./machine/states.ts"

export interface Request {
  id: string
  kind: Kind
  method: string
  sessionId: string
  turnId: string | undefined
  itemId: string | undefined
  runId: string
  /** The child's id of it as JSON: numbers and texts are different ids. */
  rpcId: string
  summary: string
  params: string
  createdAt: number
  /** From then on the safe answer is given. */
  dueAt: number | undefined
  state: RequestState
  /** What was decided, as JSON, from the moment of the claim. */
  decision: string | undefined
  decidedBy: string | undefined
  /** Where it was decided: `api`, `ui`, `cli`, `deadline`, … */
  decidedFrom: string | undefined
  decidedAt: number | undefined
  /** From here on the answer may have been written. */
  handingAt: number | undefined
  /** When the child's pipe took the answer and the clients were told. */
  handedAt: number | undefined
  /** Why it is where it is, for people. */
  reason: string | undefined
  /** The carry-over that it belongs to, and the turn of that. */
  carryId: string | undefined
  carryTurnId: string | undefined
}

type NewRequest = Pick<
  Request,
  | "id"
  | "kind"
  | "method"
  | "sessionId"
  | "turnId"
  | "itemId"
  | "runId"
  | "rpcId"
  | "summary"
  | "params"
  | "createdAt"
  | "dueAt"
>

/** As the index of the unsettled says it: a query that repeats it word for word may use it. */
export const inStates = (states: readonly RequestState[]): string =>
  `state IN (${states.map((s) => `'${s}'`).join(", ")})`

const GET = `SELECT * FROM requests WHERE id = ?`
const BY_RPC = `SELECT * FROM requests WHERE run_id = ? AND rpc_id = ?`
const UNSETTLED_OF = `SELECT * FROM requests WHERE session_id = ? AND ${inStates(UNSETTLED)} ORDER BY created_at, rowid`
// The index of unsettled ones serves only a query that says its condition word for word.
const OF_SESSION_IN = `SELECT * FROM requests WHERE session_id = ? AND ${inStates(UNSETTLED)} AND state = ? ORDER BY created_at, rowid`
const OF_TURN = `SELECT * FROM requests WHERE session_id = ? AND ${inStates(UNSETTLED)}
  AND state IN ('open', 'claimed', 'carrying') AND coalesce(carry_turn_id, turn_id) = ? ORDER BY created_at, rowid`
const IN_STATE = `SELECT * FROM requests WHERE state = ? ORDER BY created_at, rowid`
const LIVING = `SELECT * FROM requests WHERE ${inStates(UNSETTLED)} AND state IN ('open', 'claimed', 'carrying') ORDER BY created_at, rowid`
const SESSIONS_IN_STATE = `SELECT DISTINCT session_id FROM requests WHERE state = ?`
const OPEN_TURNS = `SELECT DISTINCT session_id, turn_id FROM requests WHERE state = 'open' AND turn_id IS NOT NULL`
const WAITING_COUNT = `SELECT count(*) AS n, min(created_at) AS at FROM requests WHERE ${inStates(WAITING)}`
const WAITING_KINDS = `SELECT kind, count(*) AS n FROM requests WHERE ${inStates(WAITING)} GROUP BY kind`
const INSERT = `INSERT INTO requests (id, kind, method, session_id, turn_id, item_id, run_id, rpc_id, summary, params, created_at, due_at, state)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open')`
const FORGET = `DELETE FROM requests WHERE session_id = ?`
const HANDING = `UPDATE requests SET handing_at = ? WHERE id = ? AND state = 'claimed'`
const HANDED = `UPDATE requests SET handed_at = ? WHERE id = ?`
const CARRY_TURN = `UPDATE requests SET carry_turn_id = ? WHERE carry_id = ? AND state = 'carrying'`
const DECIDED = `state = ?, decision = ?, decided_by = ?, decided_from = ?, decided_at = ?, handing_at = ?, handed_at = ?, reason = ?`
const MOVE = `UPDATE requests SET ${DECIDED} WHERE id = ? AND state = ?`
/** Of another turn, run or carry-over from now on. Apart: the index by rpc is written anew whenever its columns are named. */
const MOVE_ELSEWHERE = `UPDATE requests SET ${DECIDED}, turn_id = ?, item_id = ?, run_id = ?, rpc_id = ?, carry_id = ?, carry_turn_id = ?
  WHERE id = ? AND state = ?`
const ELSEWHERE = ["turnId", "itemId", "runId", "rpcId", "carryId", "carryTurnId"] as const

export const readRequest = (db: Reader, id: string): Request | undefined => requestOf(db.get(GET, id))
export const requestByRpc = (db: Reader, runId: string, rpcId: string): Request | undefined =>
  requestOf(db.get(BY_RPC, runId, rpcId))

/** Those of a session that something may still become of, oldest first. */
export const unsettledOf = (db: Reader, sessionId: string): Request[] =>
  db.all(UNSETTLED_OF, sessionId).flatMap((r) => requestOf(r) ?? [])
export const ofSessionIn = (db: Reader, sessionId: string, state: RequestState): Request[] =>
  db.all(OF_SESSION_IN, sessionId, state).flatMap((r) => requestOf(r) ?? [])
/** Those that live in that turn: it asked them, or carries them over. */
export const livingIn = (db: Reader, sessionId: string, turnId: string): Request[] =>
  db.all(OF_TURN, sessionId, turnId).flatMap((r) => requestOf(r) ?? [])
/** Those of any session in that state, oldest first. */
export const inState = (db: Reader, state: RequestState): Request[] =>
  db.all(IN_STATE, state).flatMap((r) => requestOf(r) ?? [])
/** Those of any session that end with their child or its turn, oldest first. */
export const living = (db: Reader): Request[] => db.all(LIVING).flatMap((r) => requestOf(r) ?? [])
export const sessionsInState = (db: Reader, state: RequestState): string[] =>
  db.all(SESSIONS_IN_STATE, state).map((row) => row.session_id as string)
/** The turns in which a person is asked something, as `session turn`. */
export const openTurns = (db: Reader): Set<string> =>
  new Set(db.all(OPEN_TURNS).map((row) => `${row.session_id} ${row.turn_id}`))
/** How many wait for a person, and since when the oldest does. */
export function waitingNow(db: Reader): { count: number; oldestAt: number | undefined } {
  const row = db.get(WAITING_COUNT)
  return { count: (row?.n as number) ?? 0, oldestAt: (row?.at as number | null) ?? undefined }
}

export const waitingByKind = (db: Reader): Record<Kind, number> => ({
  approval: 0,
  tool_input: 0,
  tool_call: 0,
  ...Object.fromEntries(db.all(WAITING_KINDS).map(({ kind, n }) => [kind, n])),
})

export const forgetRequests = (tx: Tx, sessionId: string): void => void tx.run(FORGET, sessionId)

export function insertRequest(tx: Tx, r: NewRequest): Request {
  tx.run(
    INSERT,
    r.id,
    r.kind,
    r.method,
    r.sessionId,
    r.turnId ?? null,
    r.itemId ?? null,
    r.runId,
    r.rpcId,
    r.summary,
    r.params,
    r.createdAt,
    r.dueAt ?? null,
  )
  return { ...UNDECIDED, ...r }
}

const UNDECIDED = {
  state: "open",
  decision: undefined,
  decidedBy: undefined,
  decidedFrom: undefined,
  decidedAt: undefined,
  handingAt: undefined,
  handedAt: undefined,
  reason: undefined,
  carryId: undefined,
  carryTurnId: undefined,
} as const

/** The answer of a claimed request is about to be written. */
export const noteHanding = (tx: Tx, id: string, at: number): boolean => tx.run(HANDING, at, id).changes === 1
/** The child's pipe has the answer: noted on a claimed request, whatever becomes of it. */
export const noteHanded = (tx: Tx, id: string, at: number): void => void tx.run(HANDED, at, id)
/** The turn of a carry-over has begun. */
export const noteCarryTurn = (tx: Tx, carryId: string, turnId: string): void =>
  void tx.run(CARRY_TURN, turnId, carryId)

/** Moves a request on. A move that the picture doesn't have is a bug; one that another made first is false. */
export function moveRequest(tx: Tx, from: Request, to: RequestState, fields: Partial<Request> = {}): boolean {
  if (!MOVES[from.state].includes(to))
    throw new Error(`request ${from.id}: no move from ${from.state} to ${to}`)
  const next = { ...from, ...fields }
  const decided = [
    to,
    next.decision ?? null,
    next.decidedBy ?? null,
    next.decidedFrom ?? null,
    next.decidedAt ?? null,
    next.handingAt ?? null,
    next.handedAt ?? null,
    next.reason ?? null,
  ]
  if (!ELSEWHERE.some((field) => field in fields))
    return tx.run(MOVE, ...decided, from.id, from.state).changes === 1
  const { changes } = tx.run(
    MOVE_ELSEWHERE,
    ...decided,
    next.turnId ?? null,
    next.itemId ?? null,
    next.runId,
    next.rpcId,
    next.carryId ?? null,
    next.carryTurnId ?? null,
    from.id,
    from.state,
  )
  return changes === 1
}

function requestOf(row: Row | undefined): Request | undefined {
  if (!row) return undefined
  const optional = (key: string) => (row[key] as string | null) ?? undefined
  const moment = (key: string) => (row[key] as number | null) ?? undefined
  return {
    id: row.id as string,
    kind: row.kind as Kind,
    method: row.method as string,
    sessionId: row.session_id as string,
    turnId: optional("turn_id"),
    itemId: optional("item_id"),
    runId: row.run_id as string,
    rpcId: row.rpc_id as string,
    summary: row.summary as string,
    params: row.params as string,
    createdAt: row.created_at as number,
    dueAt: moment("due_at"),
    state: row.state as RequestState,
    decision: optional("decision"),
    decidedBy: optional("decided_by"),
    decidedFrom: optional("decided_from"),
    decidedAt: moment("decided_at"),
    handingAt: moment("handing_at"),
    handedAt: moment("handed_at"),
    reason: optional("reason"),
    carryId: optional("carry_id"),
    carryTurnId: optional("carry_turn_id"),
  }
}
