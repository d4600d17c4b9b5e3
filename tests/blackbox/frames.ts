// What must hold of every listener's frames, whatever happened (wire-contract §2.2, §2.3, §4.1).

import { strict as assert } from "node:assert"
import type { Frame } from "../support/client.ts"

const REQUEST_FRAMES = ["approval", "tool_user_input_requested", "tool_call_requested", "server_request"]
const BETWEEN = ["approval_resolved", "tool_user_input_resolved", "tool_call_resolved"]
const ALIASES: Record<string, string> = {
  "turn/plan/updated": "turn_plan_updated",
  "turn/diff/updated": "turn_diff_updated",
  "thread/tokenUsage/updated": "thread_token_usage_updated",
  "account/rateLimits/updated": "account_rate_limits_updated",
}

/** Frames of all families, without holes at their end: the last notification is whole. */
export function assertFrames(frames: readonly Frame[]): void {
  let before = 0
  for (const { seq, at, text } of frames) {
    assert.ok(seq > before, `seq ${seq} after ${before}: ${text}`)
    assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    before = seq
  }
  frames.forEach((frame, i) => {
    if (frame.type === "notification") assertTold(frames, i)
    if (frame.type.startsWith("app_server.request.")) assertAsked(frame, frames[i + 1])
  })
}

/** `app_server.<name>` first, then the alias if there is one, then the notification: the same params in all. */
function assertTold(frames: readonly Frame[], i: number): void {
  const { payload, threadId, text } = frames[i] as Frame
  const { method = "", params } = payload
  let at = i - 1
  const alias = ALIASES[method]
  if (alias !== undefined) {
    assert.equal(frames[at]?.type, alias, `no alias before ${text}`)
    assert.deepEqual(frames[at]?.payload, params)
    assert.equal(frames[at]?.threadId, threadId)
    at--
  }
  while (BETWEEN.includes(frames[at]?.type ?? "")) at--
  const signal = frames[at]
  assert.ok(signal, `nothing before ${text}`)
  assert.ok(signal.type.startsWith("app_server."), `no signal before ${text}, but ${signal.type}`)
  const { payload: told } = signal
  assert.equal(told.eventType, signal.type)
  assert.deepEqual(
    { source: told.source, signalType: told.signalType, method: told.method, params: told.params },
    { source: "app_server", signalType: "notification", method, params },
  )
  assert.equal(told.receivedAt, signal.at)
  assert.equal(told.context?.threadId, threadId)
  assert.equal(signal.threadId, threadId)
  if (params?.threadId !== undefined) assert.equal(threadId, params.threadId)
  const turn = params?.turnId ?? params?.turn?.id
  if (turn !== undefined) assert.equal(told.context?.turnId, turn)
}

/** A request's signal, then at once its row, under one id. */
function assertAsked(signal: Frame, row: Frame | undefined): void {
  assert.equal(signal.payload.signalType, "request")
  assert.ok(row && REQUEST_FRAMES.includes(row.type), `no request row after ${signal.text}`)
  assert.equal(row.threadId, signal.threadId)
  if (row.type === "server_request") return
  assert.equal(row.payload.approvalId ?? row.payload.requestId, signal.payload.requestId)
  assert.equal(row.payload.method, signal.payload.method)
  // A patch is shown with the changes of its item where the child names none.
  const {
    changes: _changes,
    changeCount: _count,
    ...details
  } = row.payload.details as Record<string, unknown>
  const { changes: _own, ...params } = signal.payload.params as Record<string, unknown>
  assert.deepEqual(details, params)
}

/** What a replay can show: everything but what is never stored. */
export const kept = (frames: readonly Frame[]): string[] =>
  frames.filter((frame) => !("stored" in frame)).map((frame) => frame.text)
