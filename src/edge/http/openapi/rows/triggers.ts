// Schedules and webhooks (docs/queue.md).

import { z } from "zod"
import type { Operations } from "../operation.ts"
import { iso, ok, raw } from "../shapes.ts"

const job = z.object({ kind: z.string(), payload: raw })
const schedule = z
  .object({
    scheduleId: z.string(),
    name: z.string(),
    cron: z.string(),
    timeZone: z.string(),
    missed: z.enum(["once", "skip"]),
    overlap: z.boolean(),
    enabled: z.boolean(),
    job,
    nextAt: iso.nullable(),
    lastDueAt: iso.nullable(),
    lastJobId: z.string().nullable(),
    createdAt: iso,
    updatedAt: iso,
  })
  .meta({ id: "Schedule" })
const hook = z
  .object({
    name: z.string(),
    enabled: z.boolean(),
    job,
    secret: z.literal("[masked]"),
    createdAt: iso,
    updatedAt: iso,
  })
  .meta({ id: "Hook" })
const run = z.object({
  at: iso,
  dueAt: iso.nullable(),
  outcome: z.enum(["enqueued", "already_queued", "skipped_overlap", "missed", "refused"]),
  jobId: z.string().nullable(),
  error: z.string().nullable(),
})
const runs = z.object({ data: z.array(run) })
const one = z.object({ status: ok, schedule })
const NAMED = ["unknown_job_type", "invalid_payload", "queue_disabled"] as const
const secret = z.string().meta({ description: "Told here and never again." })
const EXAMPLE_JOB = {
  kind: "session.message",
  payload: { sessionId: "0193b2f0-0000-7000-8000-000000000001", text: "go on" },
}

export const triggerRows = {
  "GET /api/schedules": {
    id: "listSchedules",
    tag: "jobs",
    summary: "All schedules",
    ok: { 200: z.object({ data: z.array(schedule) }) },
  },
  "POST /api/schedules": {
    id: "createSchedule",
    tag: "jobs",
    summary: "Start a job whenever its time comes",
    ok: { 200: one },
    faults: NAMED,
    example: { body: { name: "Nightly", cron: "0 3 * * *", timeZone: "Europe/Berlin", job: EXAMPLE_JOB } },
  },
  "GET /api/schedules/:scheduleId": {
    id: "readSchedule",
    tag: "jobs",
    summary: "One schedule",
    ok: { 200: one },
    faults: ["schedule_not_found"],
  },
  "PATCH /api/schedules/:scheduleId": {
    id: "changeSchedule",
    tag: "jobs",
    summary: "Change it, or switch it off and on",
    ok: { 200: one },
    faults: ["schedule_not_found", ...NAMED],
    example: { body: { enabled: false } },
  },
  "DELETE /api/schedules/:scheduleId": {
    id: "deleteSchedule",
    tag: "jobs",
    summary: "Delete it with its history",
    ok: { 200: z.object({ status: ok, scheduleId: z.string() }) },
    faults: ["schedule_not_found"],
  },
  "GET /api/schedules/:scheduleId/runs": {
    id: "listScheduleRuns",
    tag: "jobs",
    summary: "What came of its times, newest first",
    ok: { 200: runs },
    faults: ["schedule_not_found"],
  },
  "GET /api/hooks": {
    id: "listHooks",
    tag: "jobs",
    summary: "All webhooks, without their secrets",
    ok: { 200: z.object({ data: z.array(hook) }) },
  },
  "POST /api/hooks": {
    id: "createHook",
    tag: "jobs",
    summary: "A webhook that starts a job",
    ok: { 200: z.object({ status: ok, hook, secret }) },
    faults: ["duplicate_name", ...NAMED],
    example: { body: { name: "ci", job: EXAMPLE_JOB } },
  },
  "PATCH /api/hooks/:name": {
    id: "changeHook",
    tag: "jobs",
    summary: "Change what it starts, or switch it off and on",
    ok: { 200: z.object({ status: ok, hook }) },
    faults: ["hook_not_found", ...NAMED],
    example: { body: { enabled: false } },
  },
  "DELETE /api/hooks/:name": {
    id: "deleteHook",
    tag: "jobs",
    summary: "Delete it with its history",
    ok: { 200: z.object({ status: ok, name: z.string() }) },
    faults: ["hook_not_found"],
  },
  "POST /api/hooks/:name/rotate": {
    id: "rotateHook",
    tag: "jobs",
    summary: "A new secret; the old one is void at once",
    ok: { 200: z.object({ status: ok, hook, secret }) },
    faults: ["hook_not_found"],
  },
  "GET /api/hooks/:name/runs": {
    id: "listHookRuns",
    tag: "jobs",
    summary: "What was delivered, newest first",
    ok: { 200: runs },
    faults: ["hook_not_found"],
  },
  "POST /api/hooks/:name": {
    id: "deliverHook",
    tag: "jobs",
    summary: "Deliver: any body, signed",
    ok: { 202: z.object({ status: z.enum(["queued", "already_queued"]), jobId: z.string().nullable() }) },
    faults: ["signature_refused", "queue_full", ...NAMED],
    headers: [
      { name: "x-codexd-timestamp", description: "Seconds since 1970; at most five minutes off." },
      {
        name: "x-codexd-signature",
        description: "`sha256=` and the HMAC-SHA256 of `TIMESTAMP.BODY` in hexadecimal.",
      },
    ],
  },
} as const satisfies Operations
