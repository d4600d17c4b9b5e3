// What a handler returned, as one of the four envelopes of the contract (wire-contract §5.4).

import * as v from "valibot"
import type { Envelope } from "../contract.ts"
import type { Outcome } from "./invocations.ts"

const Enqueue = v.looseObject({
  status: v.picklist(["enqueued", "already_queued"]),
  job: v.record(v.string(), v.unknown()),
})
const Kind = v.looseObject({ kind: v.string() })
const Wanted = v.looseObject({
  actionType: v.string(),
  payload: v.record(v.string(), v.unknown()),
  requestId: v.optional(v.pipe(v.string(), v.maxLength(200))),
  idempotencyKey: v.optional(v.pipe(v.string(), v.maxLength(300))),
})
export type Wanted = v.InferOutput<typeof Wanted>

/** Whose handler it was, and for how long it might run. */
export interface Ran {
  moduleName: string
  eventType: string
  ms: number
}

/** An envelope, or an action that is still to be performed. */
export type Returned = { envelope: Envelope } | { wanted: Wanted }

export function readOutcome(outcome: Outcome, { moduleName, eventType, ms }: Ran): Returned {
  const failed = (error: string): Returned => ({
    envelope: { kind: "handler_error", moduleName, eventType, error },
  })
  if ("threw" in outcome) return failed(outcome.threw)
  if ("lost" in outcome) return failed(outcome.lost)
  if ("timedOut" in outcome) return failed(`the handler took longer than ${ms} ms`)
  return readValue(outcome.done, moduleName)
}

function readValue(value: unknown, moduleName: string): Returned {
  const result = (details?: unknown): Returned => ({
    envelope: { kind: "handler_result", moduleName, ...(details !== undefined && { details }) },
  })
  if (value === undefined || value === null) return result()
  if (v.is(Kind, value)) {
    if (value.kind === "action_request") return readRequest(value, moduleName)
    if (value.kind === "action_result") return { envelope: direct(value, moduleName) }
    if (value.kind === "handler_result") return result(value.details)
  }
  if (v.is(Enqueue, value)) {
    return { envelope: { kind: "enqueue_result", moduleName, status: value.status, job: value.job } }
  }
  return result({ value })
}

function readRequest(value: object, moduleName: string): Returned {
  const parsed = v.safeParse(Wanted, value)
  if (parsed.success) return { wanted: parsed.output }
  const issue = parsed.issues[0]
  const details = {
    code: "invalid_action_request",
    message: `${v.getDotPath(issue) ?? "it"}: ${issue.message}`,
  }
  return {
    envelope: { kind: "action_result", moduleName, actionType: typeOf(value), status: "invalid", details },
  }
}

/** Only the runtime says what became of an action. */
const direct = (value: object, moduleName: string): Envelope => ({
  kind: "action_result",
  moduleName,
  actionType: typeOf(value),
  status: "invalid",
  details: { code: "direct_action_result_disallowed" },
})

const typeOf = (value: object): string => {
  const { actionType } = value as { actionType?: unknown }
  return typeof actionType === "string" ? actionType : "unknown"
}
