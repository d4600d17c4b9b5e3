// A job as extensions, workers and routes hand it in, with the key that finds its twin (wire-contract §6.4).

import type { NewJob } from "../../engine/queue/job.ts"

export interface JobInput {
  type: string
  /** The owner: a project, or `session:ID`. */
  projectId: string
  sourceSessionId?: string | undefined
  payload: Record<string, unknown>
}

export function newJobOf({ type, projectId, sourceSessionId, payload }: JobInput): NewJob {
  const own = KEYS.get(type)?.(payload)
  const source = sourceSessionId ?? textIn(payload, "sourceSessionId")
  return {
    type,
    owner: projectId,
    payload,
    ...(source !== undefined && { source }),
    ...(own !== undefined && { dedupeKey: `${projectId}:${own}` }),
  }
}

const KEYS: ReadonlyMap<string, (payload: Record<string, unknown>) => string | undefined> = new Map([
  ["webhook.deliver", (payload: Record<string, unknown>) => textIn(payload, "dedupeKey")],
  ["suggest_request", (payload) => `${textIn(payload, "sessionId") ?? ""}:suggest_request`],
  [
    "agent_instruction",
    (payload) =>
      textIn(payload, "dedupeKey") ??
      ["threadId", "turnId", "jobKind"].map((key) => textIn(payload, key) ?? "").join(":"),
  ],
])

function textIn(payload: Record<string, unknown>, key: string): string | undefined {
  const value = payload[key]
  return typeof value === "string" && value !== "" ? value : undefined
}
