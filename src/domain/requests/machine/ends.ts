// What a request's end is called, in frames and in the transcript, and what is read of its row to tell it.

import { FRAMES } from "../kinds.ts"
import type { Request } from "../store.ts"
import { type Decision, resolvedOf } from "../verdict.ts"

/** The turn whose end ends the request: its own, or the one that carries it over. */
export const livingTurn = ({ turnId, carryTurnId }: Request): string | undefined => carryTurnId ?? turnId

export const decisionOf = ({ decision = "null" }: Request): Decision => JSON.parse(decision) as Decision

/** An orphan's accept is its end for the clients, told when it was taken. */
export const wasAccepted = ({ state, carryId }: Request): boolean =>
  state === "accepted-for-carry" || carryId !== undefined

export const closedPayload = ({ kind, id }: Request, end: Record<string, unknown>) => ({
  [FRAMES[kind].id]: id,
  ...end,
})

export const expiredOf = ({ kind }: Request) =>
  kind === "tool_call" ? { status: "expired", success: false } : { status: "expired" }

/** What was told of one whose outcome nobody knows, and who had decided it. */
export function lostDetails(request: Request): Record<string, unknown> {
  const { handedAt, decidedBy, decidedFrom, decidedAt } = request
  const end = handedAt === undefined ? expiredOf(request) : resolvedOf(decisionOf(request))
  return { ...closedPayload(request, end), decidedBy, decidedFrom, decidedAt }
}
