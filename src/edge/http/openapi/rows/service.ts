// The service itself and its live doors.

import { z } from "zod"
import { IF_NONE_MATCH, type Operation, type Operations, UNCHANGED } from "../operation.ts"
import { iso, listening, ok, raw } from "../shapes.ts"

const entry = z
  .object({
    id: z.int(),
    at: iso,
    who: z.string().meta({ description: "The token's name, `extension:NAME`, `worker:NAME`." }),
    via: z.string(),
    origin: z.string(),
    method: z.string(),
    route: z.string().meta({ description: "The route's pattern, or the name of an action." }),
    sessionId: z.string().nullable(),
    params: z.record(z.string(), z.string()),
    status: z.int().nullable(),
    result: z.string().meta({ description: "`ok`, or the code of the refusal." }),
    ms: z.number(),
    requestId: z.string().nullable(),
  })
  .meta({ id: "AuditEntry" })

const health = z
  .looseObject({
    status: z.enum(["ok", "degraded"]),
    service: z.string(),
    reasons: z.array(z.string()).optional(),
    codex: z
      .looseObject({ running: z.boolean(), pid: z.int().nullable(), initialized: z.boolean() })
      .optional(),
    orchestratorQueue: z.looseObject({ enabled: z.boolean() }).optional(),
    auth: z
      .object({
        hasOpenAiApiKey: z.boolean(),
        codexHomeAuthFile: z.boolean(),
        likelyUnauthenticated: z.boolean(),
      })
      .optional(),
    timestamp: iso.optional(),
  })
  .meta({ id: "Health", description: "To strangers only `status` and `service`." })

const part = (id: string, type: string): Operation => ({
  id,
  tag: "service",
  summary: "A part of the page",
  headers: [IF_NONE_MATCH],
  ok: { 200: { description: "The file", type }, 304: UNCHANGED },
})

export const serviceRows = {
  "GET /api": {
    id: "getApiInfo",
    tag: "service",
    summary: "Name and version",
    ok: { 200: z.object({ name: z.string(), version: z.string() }) },
    example: { answer: { name: "codexd", version: "0.1.0" } },
  },
  "GET /api/health": {
    id: "getHealth",
    tag: "service",
    summary: "How the daemon and its Codex are",
    ok: { 200: health },
    example: { answer: { status: "ok", service: "api" } },
  },
  "GET /api/livez": {
    id: "getLiveness",
    tag: "service",
    summary: "The process answers",
    ok: { 200: z.object({ status: ok }) },
    example: { answer: { status: "ok" } },
  },
  "GET /api/readyz": {
    id: "getReadiness",
    tag: "service",
    summary: "Work can be taken now; the reasons for a no are in the health",
    ok: {
      200: z.object({ status: ok }),
      503: { description: "Not now", schema: z.object({ status: z.literal("unready") }) },
    },
  },
  "GET /metrics": {
    id: "readMetrics",
    tag: "service",
    summary: "What is counted, for Prometheus",
    ok: { 200: { description: "Prometheus text", type: "text/plain" } },
  },
  "GET /api/audit": {
    id: "listAudit",
    tag: "service",
    summary: "Who changed what, newest first",
    ok: { 200: z.object({ data: z.array(entry), nextCursor: z.string().nullable() }) },
  },
  "GET /api/openapi.json": {
    id: "getOpenApi",
    tag: "service",
    summary: "This document",
    headers: [IF_NONE_MATCH],
    ok: { 200: raw, 304: UNCHANGED },
  },
  "GET /api/docs": {
    id: "readReference",
    tag: "service",
    summary: "The reference as a page, which needs no network",
    headers: [IF_NONE_MATCH],
    ok: { 200: { description: "The page", type: "text/html" }, 304: UNCHANGED },
  },
  "GET /api/docs/start.js": part("startReference", "text/javascript"),
  "GET /api/docs/swagger-ui.js": part("scriptReference", "text/javascript"),
  "GET /api/docs/style.css": part("styleReference", "text/css"),
  "GET /api/stream": {
    id: "connectEventStream",
    tag: "stream",
    summary:
      "Everything that happens, as a websocket: `ready`, then frames (StreamFrame); takes StreamCommand",
    query: listening,
    ok: {
      101: { description: "A websocket from here on" },
      426: { description: "The request was no upgrade", schema: raw },
    },
    faults: ["too_many_listeners"],
  },
  "GET /api/events": {
    id: "streamEvents",
    tag: "stream",
    summary: "The same as server-sent events: `data` is a StreamFrame, `id` is LOG.SEQ",
    query: listening,
    headers: [{ name: "last-event-id", description: "LOG.SEQ: first what came after it." }],
    ok: { 200: { description: "Events without end", type: "text/event-stream" } },
    faults: ["too_many_listeners"],
  },
} as const satisfies Operations
