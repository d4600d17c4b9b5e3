// A request as clients see it in lists and frames (wire-contract §1.8), and beside that what a person needs to judge it: what
// would happen in words, which decisions it takes, since when it waits and until when.

import { iso } from "../../base/kit/clock.ts"
import { aboutOf } from "./asks/about.ts"
import { changesOf } from "./asks/changes.ts"
import { questionsOf } from "./asks/questions.ts"
import { FRAMES, methodOf, type Params } from "./kinds.ts"
import { isWaiting } from "./machine/states.ts"
import type { Request } from "./store.ts"
import { choicesOf } from "./verdict.ts"

export function rowOf(request: Request): Record<string, unknown> {
  const params = JSON.parse(request.params) as Params
  return {
    [FRAMES[request.kind].id]: request.id,
    method: request.method,
    threadId: request.sessionId,
    turnId: request.turnId ?? null,
    itemId: request.itemId ?? null,
    ...ownOf(request, params),
    summary: request.summary,
    details: detailsOf(request, params),
    createdAt: iso(request.createdAt),
    expiresAt: request.dueAt === undefined ? null : iso(request.dueAt),
    // What nobody can decide any more is never shown as if somebody could.
    status: isWaiting(request.state) ? "pending" : request.state,
    state: request.state,
    topic: methodOf(request).topic,
    about: aboutOf(request.method, params),
    choices: isWaiting(request.state) ? choicesOf(request) : [],
    ...aboutOrphan(request),
  }
}

/** The keys that a kind has for itself. */
function ownOf({ kind, method }: Request, params: Params): Record<string, unknown> {
  switch (kind) {
    case "approval":
      return {}
    case "tool_input":
      return { questions: questionsOf(method, params), ...urgencyOf(params) }
    case "tool_call":
      return { callId: params.callId ?? null, tool: params.tool, arguments: params.arguments ?? null }
  }
}

/** Codex's word on whether a question should block a person's work; 0.150 and later have it. */
function urgencyOf({ isBlocking, autoResolutionMs }: Params): Record<string, unknown> {
  return {
    ...(typeof isBlocking === "boolean" && { isBlocking }),
    ...((typeof autoResolutionMs === "number" || autoResolutionMs === null) && { autoResolutionMs }),
  }
}

/** The child's own params; for file changes with what existing clients read of the changes. */
function detailsOf(request: Request, params: Params): Record<string, unknown> {
  if (methodOf(request).topic !== "fileChange") return params
  const changes = changesOf(params)
  if (!changes) return params
  const shown = changes.map(({ path, kind, movePath, diff }) => ({
    path,
    kind: { type: kind, move_path: movePath },
    diff,
  }))
  return {
    ...params,
    changes: Array.isArray(params.changes) ? params.changes : shown,
    changeCount: changes.length,
  }
}

/** Why it is where it is: an orphan's turn was interrupted. And what a person had decided of it when nothing could be written any more. */
function aboutOrphan({ state, reason, decision, decidedBy, decidedFrom, decidedAt }: Request) {
  if (reason === undefined) return {}
  if (state !== "orphaned" || decision === undefined || decidedAt === undefined) return { reason }
  return {
    reason,
    recorded: {
      decision: JSON.parse(decision),
      by: decidedBy ?? null,
      from: decidedFrom ?? null,
      at: iso(decidedAt),
    },
  }
}
