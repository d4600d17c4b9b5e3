// The stream's frames as schemas, by their type (wire-contract §2.4, docs/stream.md). A type that the wire's tables have and
// this one hasn't fails the tests.

import { type ZodType, z } from "zod"
import type { Family } from "../../stream/wire/families.ts"
import { approval, entry, iso, ok, project, prompt, raw, session, toolCall, toolInput } from "./shapes.ts"

export interface FrameRow {
  family: Family
  payload: ZodType
}

const signal = z.looseObject({
  source: z.literal("app_server"),
  signalType: z.enum(["notification", "request"]),
  eventType: z.string(),
  method: z.string(),
  receivedAt: iso,
  context: z.object({ threadId: z.string().nullable(), turnId: z.string().nullable() }),
  params: z.unknown(),
  session: z
    .object({ id: z.string(), title: z.string().nullable(), projectId: z.string().nullable() })
    .nullable(),
  requestId: z.union([z.string(), z.number()]).nullable().optional(),
})
const line = z.looseObject({ method: z.string(), params: z.unknown().optional() })
const resolved = z.looseObject({ status: z.enum(["resolved", "expired"]) })
const job = z.looseObject({
  jobId: z.string(),
  projectId: z.string(),
  jobType: z.string(),
  state: z.string(),
})

const row = (family: Family, payload: ZodType): FrameRow => ({ family, payload })
const alias = row("alias", raw)

/** Every type of frame but for the signals, whose types are made of methods: `app_server.*`. */
export const FRAME_ROWS: Readonly<Record<string, FrameRow>> = {
  notification: row("notification", line),
  turn_plan_updated: alias,
  turn_diff_updated: alias,
  thread_token_usage_updated: alias,
  app_list_updated: alias,
  mcp_oauth_completed: alias,
  account_updated: alias,
  account_login_completed: alias,
  account_rate_limits_updated: alias,
  server_request: row("request", line),
  approval: row("request", approval),
  approval_resolved: row("request", resolved.extend({ approvalId: z.string() })),
  tool_user_input_requested: row("request", toolInput),
  tool_user_input_resolved: row("request", resolved.extend({ requestId: z.string() })),
  tool_call_requested: row("request", toolCall),
  tool_call_resolved: row("request", resolved.extend({ requestId: z.string() })),
  request_updated: row(
    "request",
    z.object({
      approvalId: z.string().optional(),
      requestId: z.string().optional(),
      kind: z.enum(["approval", "tool_input", "tool_call"]),
      turnId: z.string().nullable().meta({ description: "The turn that it belongs to now." }),
      state: z.enum(["claimed", "void", "expired", "indeterminate", "dismissed"]),
      carried: z.literal(true).optional(),
      reason: z.string().optional(),
    }),
  ),
  transcript_updated: row(
    "transcript",
    z.looseObject({
      threadId: z.string(),
      messageId: z.string(),
      turnId: z.string(),
      type: z.string(),
      entry,
    }),
  ),
  transcript_delta: row(
    "transcript",
    z.object({
      threadId: z.string(),
      turnId: z.string().nullable(),
      messageId: z.string(),
      offset: z
        .int()
        .min(0)
        .meta({ description: "Where `delta` begins in the entry's content, in UTF-16 units." }),
      delta: z.string(),
    }),
  ),
  session_created: row("session", z.object({ session })),
  session_updated: row("session", z.object({ sessionId: z.string(), changed: z.array(z.string()) })),
  session_controls_updated: row("session", controlFrame({ controls: raw })),
  session_settings_updated: row("session", controlFrame({})),
  prompt_updated: row("session", prompt),
  session_deleted: row(
    "session",
    z.object({
      status: z.literal("deleted"),
      sessionId: z.string(),
      message: z.string(),
      deletedAt: iso,
      title: z.string().optional(),
    }),
  ),
  session_project_updated: row(
    "session",
    z.object({
      status: ok.optional(),
      sessionId: z.string(),
      projectId: z.string().nullable(),
      previousProjectId: z.string().nullable().optional(),
    }),
  ),
  project_upserted: row("project", z.object({ project })),
  project_deleted: row("project", z.object({ projectId: z.string(), sessionIds: z.array(z.string()) })),
  orchestrator_job_queued: row("job", job),
  orchestrator_job_started: row("job", job),
  orchestrator_job_progress: row("job", job.extend({ progress: raw })),
  orchestrator_job_completed: row("job", job.extend({ result: z.unknown() })),
  orchestrator_job_failed: row("job", job.extend({ error: z.string() })),
  orchestrator_job_canceled: row("job", job.extend({ error: z.string() })),
  orchestrator_job_late: row("job", job.extend({ outcome: z.string() })),
  suggested_request_updated: row(
    "suggestion",
    z.looseObject({ sessionId: z.string(), requestKey: z.string(), status: z.string() }),
  ),
  runtime_updated: row(
    "system",
    z.looseObject({ name: z.string(), restarts: z.int(), pid: z.int().optional() }),
  ),
}

function controlFrame(more: Record<string, ZodType>) {
  return z.object({
    sessionId: z.string().nullable(),
    scope: z.enum(["session", "default"]),
    changed: z.array(z.string()),
    ...more,
  })
}

const frame = (type: ZodType, { family, payload }: FrameRow) =>
  z
    .object({
      type,
      threadId: z.string().nullable(),
      seq: z.int(),
      at: iso,
      payload,
      stored: z.literal(false).optional(),
    })
    .meta({ description: `Family \`${family}\`.` })

const SIGNAL = frame(z.string().regex(/^app_server\./), row("signal", signal))
const OTHERS = {
  ReadyFrame: z.object({
    type: z.literal("ready"),
    threadId: z.string().nullable(),
    log: z.string(),
    head: z.string(),
    resume: z.enum(["ok", "gap"]),
    missing: z.array(z.string()).optional(),
  }),
  PongFrame: z.object({ type: z.literal("pong") }),
  ErrorFrame: z.object({ type: z.literal("error"), message: z.string() }),
  StreamCommand: z.union([
    z.object({
      type: z.literal("subscribe"),
      threadId: z.string().min(1),
      families: z.union([z.string(), z.array(z.string())]).optional(),
    }),
    z.object({ type: z.literal("unsubscribe") }),
    z.object({ type: z.literal("ping") }),
  ]),
}

/** The component of a type of frame: `session_updated` is `SessionUpdatedFrame`, every signal `SignalFrame`. */
export const frameName = (type: string): string =>
  type.startsWith("app_server.")
    ? "SignalFrame"
    : `${type
        .split("_")
        .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
        .join("")}Frame`

/** All of them as components, and `StreamFrame`, which is any of those with a seq. */
export function frameSchemas(toJson: (schema: ZodType) => Record<string, unknown>): Record<string, unknown> {
  const rows = Object.entries(FRAME_ROWS).map(([type, own]) => [
    frameName(type),
    toJson(frame(z.literal(type), own)),
  ])
  const made = { ...Object.fromEntries(rows), SignalFrame: toJson(SIGNAL) }
  const anyOf = Object.keys(made).map((name) => ({ $ref: `#/components/schemas/${name}` }))
  const others = Object.entries(OTHERS).map(([name, schema]) => [name, toJson(schema)])
  return { ...made, StreamFrame: { anyOf }, ...Object.fromEntries(others) }
}
