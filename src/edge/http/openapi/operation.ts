// What is said of a route beside what its own middleware says: its name, its answers and the faults that
// its work can end in. One row a route (rows/); a route without a row fails the tests. Who may call it
// stands in routes/scopes.ts.

import type { ZodType } from "zod"
import type { FaultCode } from "../../../base/fault.ts"

export const TAGS = {
  service: "The daemon itself, and what the Codex binary behind it can do",
  doors: "Who may come in: tokens and browser logins",
  stream: "Everything that happens, as it happens",
  sessions: "Sessions: create, list, read, and their life",
  turns: "Messages, prompts that wait, and what else a session can be asked",
  requests: "What waits for a person",
  controls: "What a session's turns may do, and its settings",
  projects: "Names under which sessions are gathered",
  extensions: "Programs of yours that hear events and act on them",
  jobs: "Work that waits its turn: the queue, schedules and webhooks",
  codex: "Codex's own lists, account and configuration, passed through",
} as const
export type Tag = keyof typeof TAGS

/** An answer that is no JSON, or JSON with words of its own. */
export interface Answer {
  description: string
  schema?: ZodType
  /** `application/json` where there is a schema and nothing else is said. */
  type?: string
}

export interface Operation {
  id: string
  tag: Tag
  summary: string
  /** The answers of a success by status. */
  ok: Readonly<Record<number, ZodType | Answer>>
  /** Beyond those of its gates and schemas, and those that every route has. */
  faults?: readonly FaultCode[]
  /** Where the route reads its query without a schema of zod. */
  query?: ZodType
  /** Request headers that mean something here. */
  headers?: readonly Header[]
  example?: { body?: unknown; answer?: unknown }
}
export interface Header {
  name: string
  description: string
}

/** By `METHOD /api/path/:param`. */
export type Operations = Readonly<Record<string, Operation>>

/** A call to the child can end so (wire-contract §0.3). */
export const CHILD_FAULTS = [
  "runtime_unavailable",
  "method_not_supported",
  "invalid_params",
  "invalid_state",
  "auth_required",
  "not_found",
  "codex_timeout",
  "codex_overloaded",
  "codex_error",
] as const satisfies FaultCode[]

export const IDEMPOTENCY: Header = {
  name: "idempotency-key",
  description: "The work is done once for a key; every repetition gets the same answer.",
}
export const IF_NONE_MATCH: Header = {
  name: "if-none-match",
  description: "The `ETag` of an earlier answer: 304 if it is still true.",
}
export const UNCHANGED: Answer = { description: "Nothing has changed." }
/** Of a route that heeds Idempotency-Key. */
export const KEY_FAULTS = ["idempotency_key_reused"] as const satisfies FaultCode[]
