// Requests of the child to a person: approvals, tool input, tool calls. One machine for all kinds, in the table and nowhere
// else: what was asked before a kill is listed and decided after it from the table alone.

import { Fault } from "../../base/fault.ts"
import { newId } from "../../base/kit/ids.ts"
import type { Reader, Tx } from "../../base/storage/port.ts"
import { createCarry } from "./carry/carry.ts"
import { lookIntoText } from "./carry/words.ts"
import { createDeadlines, type Limits } from "./deadlines/deadlines.ts"
import { type AskInbox, readInbox } from "./inbox/inbox.ts"
import type { Kind } from "./kinds.ts"
import type { By } from "./machine/by.ts"
import { createDecide, type DecideNeeds, DIED } from "./machine/decide.ts"
import { createMoves, type MovesNeeds } from "./machine/moves.ts"
import { isWaiting, type RequestState, WAITING } from "./machine/states.ts"
import { livingTurn } from "./machine/told.ts"
import { rowOf } from "./row.ts"
import {
  forgetRequests,
  living,
  livingIn,
  ofSessionIn,
  openTurns,
  type Request,
  readRequest,
  requestByRpc,
  unsettledOf,
  waitingByKind,
  waitingNow,
} from "./store.ts"

export interface RequestsNeeds extends Omit<MovesNeeds, "dueAt" | "wakeAt">, Omit<DecideNeeds, "moves"> {
  limits: Limits
}

export function createRequests(needs: RequestsNeeds) {
  const { db } = needs
  const deadlines = createDeadlines({ ...needs, decide: (...given) => decisions.decide(...given) })
  const moves = createMoves({ ...needs, ...deadlines })
  const decisions = createDecide({ ...needs, moves })
  const carry = createCarry({ ...needs, moves })

  /** The child showed that it has its answer, or that it needs none any more. */
  function resolved(tx: Tx, runId: string, rpcId: string | number): void {
    const request = requestByRpc(tx, runId, JSON.stringify(rpcId))
    if (request?.state === "open" || request?.state === "claimed")
      endIn(tx, request, "the app-server no longer needs an answer")
  }

  /** The turn went on: the child has the answers that were handed to it. */
  function shown(tx: Tx, sessionId: string, turnId: string): void {
    for (const request of ofSessionIn(tx, sessionId, "claimed")) {
      if (request.handedAt !== undefined && livingTurn(request) === turnId) moves.answered(tx, request)
    }
  }

  /** A living child ended the turn: what was open in it expires, what it carried over and nobody asked for is void. */
  function endTurn(tx: Tx, { sessionId, turnId, reason }: TurnEnd): void {
    for (const request of livingIn(tx, sessionId, turnId)) {
      if (request.state !== "carrying") endIn(tx, request, reason)
      else moves.annul(tx, request, "the turn that carried it over ended without asking for it again")
    }
  }

  /** A living child is through with it: one that was answered is, one whose answer never left is no more than an open one. */
  function endIn(tx: Tx, request: Request, reason: string): void {
    if (request.state === "claimed" && !decisions.isUnwritten(request)) moves.answered(tx, request)
    else moves.expire(tx, request, reason)
  }

  /** That run of the child is over, or with no id whatever ran before this start: what waited in it waits on as an orphan. */
  function endRun(tx: Tx, { runId, reason }: RunEnd): void {
    if (runId !== undefined) decisions.noteGone(runId)
    for (const request of living(tx)) {
      if (request.state === "carrying") {
        moves.annul(tx, request, `the turn that carried it over was cut off: ${reason}`)
      } else if (runId === undefined || request.runId === runId) settle(tx, request, reason)
    }
  }

  function settle(tx: Tx, request: Request, reason: string): void {
    const unwritten = request.state !== "claimed" || decisions.isUnwritten(request)
    if (unwritten === undefined) return
    if (unwritten) moves.orphan(tx, request, reason)
    else moves.lose(tx, request, DIED)
  }

  /** The session is archived or deleted: nobody is asked in it any more. */
  function endSession(tx: Tx, sessionId: string, reason: string): void {
    for (const request of unsettledOf(tx, sessionId)) {
      if (request.state === "claimed" && !decisions.isUnwritten(request)) moves.lose(tx, request, reason)
      else if (request.state !== "indeterminate") moves.expire(tx, request, reason)
    }
  }

  /** Turns of the session were taken back: what they asked is not to be carried over any more. */
  function takenBack(tx: Tx, sessionId: string, turnIds: readonly string[]): void {
    for (const request of unsettledOf(tx, sessionId)) {
      const waits = request.state === "orphaned" || request.state === "accepted-for-carry"
      if (waits && turnIds.includes(request.turnId ?? ""))
        moves.expire(tx, request, "its turn was taken back")
    }
  }

  /** One whose outcome nobody knows. Throws `request_not_found`, `request_settled`. */
  function unknown(id: string, reader: Reader = db): Request {
    const request = readRequest(reader, id)
    if (!request) throw new Fault("request_not_found", "no such request", { requestId: id })
    if (request.state !== "indeterminate") {
      const message = `the outcome of this request is not in doubt: it is ${request.state}`
      throw new Fault("request_settled", message, {
        requestId: id,
        threadId: request.sessionId,
        state: request.state,
      })
    }
    return request
  }

  /** A person has seen that nobody knows its outcome: it leaves the lists. Throws as `unknown` does. */
  function dismiss(tx: Tx, id: string, by: By): Request {
    const request = unknown(id, tx)
    moves.dismiss(tx, request, by)
    return request
  }

  return {
    open: moves.open,
    enter: moves.enter,
    /** Requests that are due from before are answered from now on. */
    start: deadlines.start,
    [Symbol.dispose]: () => deadlines[Symbol.dispose](),
    decide: decisions.decide,
    deliverCarried: decisions.deliverCarried,
    carry,
    resolved,
    shown,
    endTurn,
    endRun,
    endSession,
    takenBack,
    unknown,
    dismiss,
    lookIntoText,
    /** A page of what waits in all sessions. */
    inbox: (ask: Omit<AskInbox, "states"> & { states?: readonly RequestState[] }) =>
      readInbox(db, { states: WAITING, ...ask }),
    /** What waits for a person in a session, orphans too, oldest first, as rows of the contract. */
    list: (sessionId: string, kind: Kind) =>
      unsettledOf(db, sessionId)
        .filter((request) => request.kind === kind && isWaiting(request.state))
        .map(rowOf),
    find: (id: string): Request | undefined => readRequest(db, id),
    /** Its session is gone, and what was asked in it with it. */
    forget: (tx: Tx, sessionId: string): void => forgetRequests(tx, sessionId),
    /** Turns that wait for a person, as `session turn`. */
    openTurns: (): Set<string> => openTurns(db),
    /** How many wait for a person, and since when the oldest does. */
    waiting: () => waitingNow(db),
    waitingByKind: (): Record<Kind, number> => waitingByKind(db),
    newId,
  }
}
export type Requests = ReturnType<typeof createRequests>

export interface TurnEnd {
  sessionId: string
  turnId: string
  reason: string
}
export interface RunEnd {
  runId: string | undefined
  reason: string
}
