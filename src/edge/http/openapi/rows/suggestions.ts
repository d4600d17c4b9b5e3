// Suggestions of a next message (wire-contract §1.10, docs/workers.md).

import { z } from "zod"
import type { Operations } from "../operation.ts"
import { iso, ok } from "../shapes.ts"

const queued = z.object({
  status: z.literal("queued"),
  jobId: z.string(),
  requestKey: z.string(),
  sessionId: z.string(),
  projectId: z.string(),
  dedupe: z.enum(["enqueued", "already_queued"]),
})
const suggested = z.object({
  status: z
    .enum(["ok", "fallback"])
    .meta({ description: "`fallback`: no worker gave one; the draft, or a general sentence." }),
  sessionId: z.string(),
  requestKey: z.string(),
  suggestion: z.string(),
})
const FAULTS = [
  "queue_disabled",
  "queue_full",
  "job_conflict",
  "unknown_job_type",
  "invalid_payload",
] as const

export const suggestionRows = {
  "POST /api/sessions/:sessionId/suggested-request": {
    id: "suggestSessionRequest",
    tag: "turns",
    summary: "A suggestion of what to send next; waits for it, up to ORCHESTRATOR_SUGGEST_REQUEST_WAIT_MS",
    ok: { 200: suggested, 202: queued },
    faults: [...FAULTS, "no_context"],
    example: { body: { draft: "add tests for" } },
  },
  "POST /api/sessions/:sessionId/suggested-request/jobs": {
    id: "enqueueSuggestedSessionRequest",
    tag: "turns",
    summary: "The same without waiting: a `suggested_request_updated` frame brings it",
    ok: { 202: queued },
    faults: FAULTS,
    example: { body: {} },
  },
  "POST /api/sessions/:sessionId/suggested-request/upsert": {
    id: "upsertSuggestedSessionRequest",
    tag: "turns",
    summary: "Give the suggestion that was asked for under a key",
    ok: {
      200: z.object({
        status: ok,
        sessionId: z.string(),
        requestKey: z.string(),
        entry: z.object({
          status: z.enum(["streaming", "complete", "error", "canceled"]),
          suggestion: z.string().optional(),
          error: z.string().optional(),
          updatedAt: iso,
        }),
      }),
    },
    faults: ["missing_suggestion"],
    example: { body: { requestKey: "k-1", status: "complete", suggestion: "Now add tests." } },
  },
} as const satisfies Operations
