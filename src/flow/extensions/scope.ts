// How far the actions of an event reach: its project, session and turn, taken from the payload, `context` first
// (wire-contract §5.5).

import type { Scope } from "../../engine/host/run/dispatch.ts"

export function scopeOf(payload: unknown): Scope {
  const top = record(payload)
  const context = record(top.context)
  const session = record(top.session)
  const first = (...values: unknown[]) => values.find((v): v is string => typeof v === "string" && v !== "")
  return {
    projectId: first(context.projectId, top.projectId, session.projectId),
    sessionId: first(
      context.sourceSessionId,
      top.sourceSessionId,
      top.sessionId,
      context.threadId,
      top.threadId,
    ),
    turnId: first(context.turnId, top.turnId),
  }
}

const record = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}
