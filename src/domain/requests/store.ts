// The requests table: every question of the child to a person, and what became of it.

import type { Reader, Row, Tx } from "../../base/storage/port.ts"
import type { Kind } from "./kinds.ts"

/**
 * open ─claim─▶ claimed ─shown─▶ answered        claimed ─lost─▶ indeterminate (the child died; it may have acted)
 *   └──expire──▶ expired                         claimed ─unwritten─▶ open (nothing left the house and the child lives)
 */
export type RequestState = "open" | "claimed" | "answered" | "indeterminate" | "expired"

const MOVES: Record<RequestState, readonly RequestState[]> = {
  open: ["claimed", "expired"],
  claimed: ["answered", "open", "indeterminate", "expired"],
  answered: [],
  indeterminate: [],
  expired: [],
}

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
  state: RequestState
  /** What was decided, as JSON, from the moment of the claim. */
  decision: string | undefined
  decidedBy: string | undefined
  decidedAt: number | undefined
  /** When the child's pipe took the answer and the clients were told. */
  handedAt: number | undefined
  /** Why it expired, for people. */
  reason: string | undefined
}

const GET = `SELECT * FROM requests WHERE id = ?`
const BY_RPC = `SELECT * FROM requests WHERE run_id = ? AND rpc_id = ?`
const OPEN_OF = `SELECT * FROM requests WHERE session_id = ? AND state IN ('open', 'claimed') ORDER BY created_at, rowid`
const OPEN_ALL = `SELECT * FROM requests WHERE state IN ('open', 'claimed') ORDER BY created_at, rowid`
const OLDEST = `SELECT min(created_at) AS at FROM requests WHERE state = 'open'`
const INSERT = `INSERT INTO requests (id, kind, method, session_id, turn_id, item_id, run_id, rpc_id, summary, params, created_at, state)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open')`
const FORGET = `DELETE FROM requests WHERE session_id = ?`
const HANDED = `UPDATE requests SET handed_at = ? WHERE id = ?`
const MOVE = `UPDATE requests SET state = ?, decision = ?, decided_by = ?, decided_at = ?, handed_at = ?, reason = ? WHERE id = ? AND state = ?`

export const readRequest = (db: Reader, id: string): Request | undefined => requestOf(db.get(GET, id))
export const requestByRpc = (db: Reader, runId: string, rpcId: string): Request | undefined =>
  requestOf(db.get(BY_RPC, runId, rpcId))
/** Those of a session that are not over, oldest first. */
export const openRequests = (db: Reader, sessionId?: string): Request[] =>
  (sessionId === undefined ? db.all(OPEN_ALL) : db.all(OPEN_OF, sessionId)).flatMap((r) => requestOf(r) ?? [])
export const oldestOpenAt = (db: Reader): number | undefined =>
  (db.get(OLDEST)?.at as number | null) ?? undefined

export const forgetRequests = (tx: Tx, sessionId: string): void => void tx.run(FORGET, sessionId)

export function insertRequest(
  tx: Tx,
  r: Omit<Request, "state" | "decision" | "decidedBy" | "decidedAt" | "handedAt" | "reason">,
): void {
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
  )
}

/** The child's pipe has the answer: noted on a claimed request, whatever becomes of it. */
export const noteHanded = (tx: Tx, id: string, at: number): void => void tx.run(HANDED, at, id)

/** Moves a request on. A move that the picture doesn't have is a bug; one that another made first is false. */
export function moveRequest(tx: Tx, from: Request, to: RequestState, fields: Partial<Request> = {}): boolean {
  if (!MOVES[from.state].includes(to))
    throw new Error(`request ${from.id}: no move from ${from.state} to ${to}`)
  const next = { ...from, ...fields }
  const { changes } = tx.run(
    MOVE,
    to,
    next.decision ?? null,
    next.decidedBy ?? null,
    next.decidedAt ?? null,
    next.handedAt ?? null,
    next.reason ?? null,
    from.id,
    from.state,
  )
  return changes === 1
}

function requestOf(row: Row | undefined): Request | undefined {
  if (!row) return undefined
  const optional = (key: string) => (row[key] as string | null) ?? undefined
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
    state: row.state as RequestState,
    decision: optional("decision"),
    decidedBy: optional("decided_by"),
    decidedAt: (row.decided_at as number | null) ?? undefined,
    handedAt: (row.handed_at as number | null) ?? undefined,
    reason: optional("reason"),
  }
}
