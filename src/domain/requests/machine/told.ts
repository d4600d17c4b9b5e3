// What is told of a request, in frames and in the transcript: what it asks, what its end is called, and what of its row says so.

import { iso } from "../../../base/kit/clock.ts"
import type { Entry } from "../../transcript/entry.ts"
import { questionsOf } from "../asks/questions.ts"
import { FRAMES, type Params } from "../kinds.ts"
import type { Request } from "../store.ts"
import { type Decision, resolvedOf } from "../verdict.ts"

/** The turn whose end ends the request: its own, or the one that carries it over. */
export const livingTurn = ({ turnId, carryTurnId }: Request): string | undefined => carryTurnId ?? turnId

export const decisionOf = ({ decision = "null" }: Request): Decision => JSON.parse(decision) as Decision

/** An orphan's accept is its end for the clients, told when it was taken. */
export const wasAccepted = ({ state, carryId }: Request): boolean =>
  state === "accepted-for-carry" || carryId !== undefined

/** What its row in the transcript says of a request that waits. */
export function openedDetails(request: Request, params: Params): Record<string, unknown> {
  const base = { method: request.method, createdAt: iso(request.createdAt) }
  if (request.kind === "tool_input")
    return { ...base, questions: questionsOf(request.method, params), ...params }
  if (request.kind === "tool_call") return { ...base, tool: params.tool, callId: params.callId, ...params }
  return { ...base, ...params }
}

/** The same of one as it is now. */
export function askedDetails(request: Request): Record<string, unknown> {
  const { state, reason } = request
  const details = openedDetails(request, JSON.parse(request.params) as Params)
  return state === "orphaned" ? { ...details, state, reason } : details
}

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

/** It was asked, and nothing else has been told of it. */
export const isUnanswered = ({ state, handedAt }: Request): boolean =>
  state === "open" || (state === "claimed" && handedAt === undefined)

export const entryIdOf = ({ kind, id }: Request): string => `${FRAMES[kind].entry}-${id}`

/** Its row in the transcript, as of now. */
export function entryOf(
  request: Request,
  what: "request" | "resolved",
  { details, now }: { details: Record<string, unknown>; now: number },
): Entry {
  const { entry } = FRAMES[request.kind]
  return {
    messageId: entryIdOf(request),
    turnId: request.turnId ?? entry,
    role: "system",
    type: `${entry.replace("-", "_")}.${what}`,
    content: `${what === "request" ? "Requested" : "Resolved"}: ${request.summary}`,
    details: JSON.stringify(details),
    status: "complete",
    startedAt: request.createdAt,
    completedAt: now,
  }
}
