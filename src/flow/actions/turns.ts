// What an extension or a worker may do to a turn under way: decide one of its approvals, say something to it. A person who was
// first has won (wire-contract §5.5).

import * as v from "valibot"
import { isFault } from "../../base/fault.ts"
import type { ActionStatus } from "../../engine/host/contract.ts"
import {
  type ActionNeeds,
  type ActionRow,
  type Actor,
  failureOf,
  id,
  type Outcome,
  outsideSession,
  outsideTurn,
  performed,
  row,
  text,
} from "./row.ts"

const decision = v.object({
  approvalId: id,
  decision: v.picklist(["accept", "decline"]),
  scope: v.optional(v.literal("turn")),
})
const steering = v.object({ sessionId: id, turnId: id, input: text(100_000) })

export const decideApproval = ({ rooms }: ActionNeeds): ActionRow =>
  row({
    schema: decision,
    breach({ approvalId }, scope) {
      const request = rooms.requests.find(approvalId)
      if (request?.kind !== "approval") return undefined
      const outside = outsideSession(request.sessionId, scope)
      return outside ?? (request.turnId === undefined ? undefined : outsideTurn(request.turnId, scope))
    },
    async perform({ approvalId, decision }, { actor }) {
      const asked = { kind: "approval" as const, decision, scope: "turn" as const }
      try {
        const { request } = await rooms.requests.decide(approvalId, asked, byOf(actor))
        const details = { approvalId, threadId: request.sessionId }
        // As it was before: what somebody had decided, in the same way, is theirs.
        return MINE.has(request.state) ? performed(details) : resolved(details)
      } catch (error) {
        if (isFault(error, "request_not_found") || isFault(error, "request_reconciled"))
          return resolved({ approvalId, message: error.message })
        return failureOf(error)
      }
    },
  })

const MINE: ReadonlySet<string> = new Set(["open", "orphaned"])
const resolved = (details: Record<string, unknown>): Outcome => ({ status: "already_resolved", details })
const byOf = (actor: Actor) => ({ actor: actor.name, source: actor.kind })

export const steerTurn = ({ rooms }: ActionNeeds): ActionRow =>
  row({
    schema: steering,
    breach: ({ sessionId, turnId }, scope) => outsideSession(sessionId, scope) ?? outsideTurn(turnId, scope),
    once: true,
    async perform({ sessionId, turnId, input }) {
      const details = { threadId: sessionId, turnId }
      try {
        await rooms.turns.steer(sessionId, turnId, input)
        return performed(details)
      } catch (error) {
        if (isFault(error, "steer_refused") || isFault(error, "steer_failed"))
          return { status: error.details.code as ActionStatus, details: { ...details, error: error.message } }
        return failureOf(error)
      }
    },
  })
