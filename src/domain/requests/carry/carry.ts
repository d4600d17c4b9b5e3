// Accepts of orphans on their way into a continuation turn (decisions 18): all of a session's share one; it is reserved before
// it is started; each accept answers the same request once, and what the turn leaves over is void.

import { isFault } from "../../../base/fault.ts"
import type { Clock } from "../../../base/kit/clock.ts"
import type { Reader, Tx } from "../../../base/storage/port.ts"
import type { Asked, Moves } from "../machine/moves.ts"
import { decisionOf } from "../machine/told.ts"
import {
  inState,
  moveRequest,
  noteCarryTurn,
  ofSessionIn,
  type Request,
  readRequest,
  sessionsInState,
} from "../store.ts"
import { fitted } from "../verdict.ts"
import { essenceOf } from "./essence.ts"
import { carryText } from "./words.ts"

export interface CarryNeeds {
  db: Reader
  clock: Clock
  moves: Moves
}

export function createCarry({ db, clock, moves }: CarryNeeds) {
  /** Every session in which something is carried over is among these: nearly always there is none. */
  const carried = new Set(sessionsInState(db, "carrying"))
  const ofCarry = (reader: Reader, carryId: string) =>
    inState(reader, "carrying").filter((request) => request.carryId === carryId)

  return {
    /** Sessions with accepts that wait for their turn. */
    sessions: (reader: Reader): string[] => sessionsInState(reader, "accepted-for-carry"),
    waits: (reader: Reader, sessionId: string): boolean =>
      ofSessionIn(reader, sessionId, "accepted-for-carry").length > 0,

    /** Reserves the turn that carries a session's accepts over: its text, or undefined when there is nothing to carry. */
    reserve(tx: Tx, sessionId: string, carryId: string): string | undefined {
      const accepted = ofSessionIn(tx, sessionId, "accepted-for-carry")
      if (accepted.length === 0) return undefined
      carried.add(sessionId)
      for (const request of accepted) moveRequest(tx, request, "carrying", { carryId })
      return carryText(accepted)
    },

    isReserved: (reader: Reader, carryId: string): boolean => ofCarry(reader, carryId).length > 0,

    /** The reserved turn has begun: answers that it brings as text are with the child. */
    begun(tx: Tx, carryId: string, turnId: string): void {
      noteCarryTurn(tx, carryId, turnId)
      for (const request of ofCarry(tx, carryId)) {
        if (request.kind !== "tool_input") continue
        moveRequest(tx, request, "claimed", { handingAt: clock.now() })
        moves.tellDecided(tx, request.id)
      }
    },

    /** It could not be started, or nobody knows whether it was. */
    failed(tx: Tx, carryId: string, reason: string): void {
      for (const request of ofCarry(tx, carryId)) moves.annul(tx, request, reason)
    },

    /** A session's accepts can't be carried over at all. */
    refuse(tx: Tx, sessionId: string, reason: string): void {
      for (const request of ofSessionIn(tx, sessionId, "accepted-for-carry")) moves.annul(tx, request, reason)
    },

    /**
     * The accepted request that the child asks for once more in its continuation turn, claimed for this one; undefined if it
     * asks for anything else. `isSame` tells whether what it may do then is what was accepted.
     */
    match(tx: Tx, asked: Asked, { turnId, isSame }: Matching): Request | undefined {
      // What is asked is then not read any further.
      if (!carried.has(asked.sessionId)) return undefined
      const candidates = ofSessionIn(tx, asked.sessionId, "carrying").filter(
        (one) => one.carryTurnId === turnId,
      )
      if (candidates.length === 0) return undefined
      const essence = essenceOf(asked.method, moves.withChanges(tx, asked))
      if (essence === undefined) return undefined
      const found = candidates.find(
        (request) =>
          essenceOf(request.method, JSON.parse(request.params)) === essence &&
          isOffered(asked, request) &&
          isSame(request),
      )
      if (!found) return undefined
      const { runId, rpcId } = asked
      moveRequest(tx, found, "claimed", { runId, rpcId: JSON.stringify(rpcId), handingAt: undefined })
      return readRequest(tx, found.id)
    },
  }
}

/** True where the child takes for this one what was decided of the other. */
function isOffered({ method, params }: Asked, request: Request): boolean {
  try {
    fitted({ method, params: JSON.stringify(params) }, decisionOf(request))
    return true
  } catch (error) {
    if (isFault(error)) return false
    throw error
  }
}

export interface Matching {
  turnId: string
  isSame(request: Request): boolean
}
