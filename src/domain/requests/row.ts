// A request as clients see it in lists and frames (wire-contract §1.8).

import { iso } from "../../base/kit/clock.ts"
import { FRAMES, type Params } from "./kinds.ts"
import type { Request } from "./store.ts"

interface Question {
  id?: unknown
  header?: unknown
  question?: unknown
  options?: unknown
  isOther?: unknown
  isSecret?: unknown
}

export function rowOf(request: Request): Record<string, unknown> {
  const params = JSON.parse(request.params) as Params
  const common = {
    [FRAMES[request.kind].id]: request.id,
    method: request.method,
    threadId: request.sessionId,
    turnId: request.turnId ?? null,
    itemId: request.itemId ?? null,
  }
  const end = {
    summary: request.summary,
    details: params,
    createdAt: iso(request.createdAt),
    status: "pending",
    state: request.state,
  }
  switch (request.kind) {
    case "approval":
      return { ...common, ...end }
    case "tool_input":
      return { ...common, questions: questionsOf(params), ...end }
    case "tool_call":
      return {
        ...common,
        callId: params.callId ?? null,
        tool: params.tool,
        arguments: params.arguments ?? null,
        ...end,
      }
  }
}

export function questionsOf({ questions }: Params) {
  if (!Array.isArray(questions)) return []
  return (questions as Question[]).map((q) => ({
    id: q.id,
    header: q.header ?? "",
    question: q.question ?? "",
    options: Array.isArray(q.options) ? q.options : null,
    isOther: q.isOther === true,
    isSecret: q.isSecret === true,
  }))
}
