// Jobs and their queue (wire-contract §1.11, docs/queue.md).

import { z } from "zod"
import type { Operations } from "../operation.ts"
import { iso, ok, raw } from "../shapes.ts"

const state = z.enum(["queued", "running", "completed", "failed", "canceled"])
const maybe = iso.nullable()
export const job = z
  .object({
    id: z.string(),
    type: z.string(),
    version: z.int(),
    projectId: z.string().meta({ description: "A project, or `session:ID`." }),
    sourceSessionId: z.string().nullable(),
    priority: z.enum(["interactive", "background"]),
    state,
    dedupeKey: z.string().nullable(),
    payload: raw,
    result: z.unknown(),
    error: z.string().nullable(),
    attempts: z.int(),
    maxAttempts: z.int(),
    createdAt: iso,
    startedAt: maybe,
    completedAt: maybe,
    cancelRequestedAt: maybe,
    nextAttemptAt: maybe,
    lastAttemptAt: maybe,
    runningContext: z.object({ threadId: z.string().nullable(), turnId: z.string().nullable() }),
    progress: raw.nullable(),
    retryOf: z.string().nullable(),
  })
  .meta({ id: "Job" })
const attempt = z.object({
  attempt: z.int(),
  owner: z.string().nullable().meta({ description: "The run of the daemon that made it." }),
  startedAt: maybe,
  endedAt: maybe,
  outcome: z.string(),
  error: z.string().nullable(),
})
const line = z.object({ at: iso, attempt: z.int(), text: z.string() })
const queue = z.object({
  status: ok,
  counts: z.record(state, z.int()),
  projects: z.int(),
  paused: z.object({ all: z.boolean(), types: z.array(z.string()) }),
  types: z.array(z.string()),
})
const OFF = ["queue_disabled"] as const

export const jobRows = {
  "GET /api/orchestrator/queue": {
    id: "readQueue",
    tag: "jobs",
    summary: "How many jobs there are, what is paused, and which types can be run",
    ok: { 200: queue },
    faults: OFF,
  },
  "POST /api/orchestrator/queue/pause": {
    id: "pauseQueue",
    tag: "jobs",
    summary: "Begin no more jobs, of one type or at all; kept over restarts",
    ok: { 200: queue },
    faults: OFF,
    example: { body: { type: "session.message" } },
  },
  "POST /api/orchestrator/queue/resume": {
    id: "resumeQueue",
    tag: "jobs",
    summary: "Go on",
    ok: { 200: queue },
    faults: OFF,
    example: { body: {} },
  },
  "GET /api/orchestrator/jobs": {
    id: "listOrchestratorJobs",
    tag: "jobs",
    summary: "Jobs of all projects, newest first",
    ok: { 200: z.object({ data: z.array(job), nextCursor: z.string().nullable() }) },
    faults: OFF,
  },
  "GET /api/orchestrator/jobs/:jobId": {
    id: "getOrchestratorJob",
    tag: "jobs",
    summary: "A job with its attempts and what it logged",
    ok: { 200: z.object({ status: ok, job, attempts: z.array(attempt), logs: z.array(line) }) },
    faults: ["job_not_found", ...OFF],
  },
  "POST /api/orchestrator/jobs/:jobId/cancel": {
    id: "cancelOrchestratorJob",
    tag: "jobs",
    summary: "Cancel it: at once while it waits, soon while it runs",
    ok: { 200: z.object({ status: ok, job }) },
    faults: ["job_not_found", "job_already_terminal", ...OFF],
  },
  "POST /api/orchestrator/jobs/:jobId/retry": {
    id: "retryOrchestratorJob",
    tag: "jobs",
    summary: "A new job like one that failed or was canceled",
    ok: {
      202: z.object({
        status: z.literal("queued"),
        jobId: z.string(),
        retryOf: z.string(),
        dedupe: z.string(),
        job,
      }),
    },
    faults: ["job_not_found", "job_conflict", "queue_full", "unknown_job_type", "invalid_payload", ...OFF],
  },
  "GET /api/projects/:projectId/orchestrator/jobs": {
    id: "listProjectOrchestratorJobs",
    tag: "jobs",
    summary: "Jobs of a project, or of `session:ID`, oldest first",
    ok: { 200: z.object({ data: z.array(job) }) },
    faults: OFF,
  },
} as const satisfies Operations
