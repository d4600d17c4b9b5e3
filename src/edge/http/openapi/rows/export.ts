// A session as text, and back (docs/export.md).

import { z } from "zod"
import type { Operations } from "../operation.ts"
import { session } from "../shapes.ts"

export const exportRows = {
  "GET /api/sessions/:sessionId/export": {
    id: "exportSession",
    tag: "sessions",
    summary: "The session as Markdown for people, or as JSON lines that can be imported",
    ok: { 200: { description: "The session, as a file", type: "text/markdown", schema: z.string() } },
  },
  "POST /api/sessions/import": {
    id: "importSession",
    tag: "sessions",
    summary: "Takes an export in as a session that can be read; the body is its JSON lines, up to 1 GiB",
    ok: { 201: z.object({ status: z.literal("ok"), session }) },
    faults: ["invalid_import", "body_too_large", "unsupported_media_type"],
  },
  "POST /api/sessions/import/rollouts": {
    id: "importRollouts",
    tag: "sessions",
    summary: "Takes threads in from rollout files of Codex, as sessions that can be read; each thread once",
    ok: {
      200: z.object({
        status: z.literal("ok"),
        imported: z.array(z.object({ path: z.string(), threadId: z.string(), session })),
        known: z.array(z.object({ path: z.string(), threadId: z.string(), sessionId: z.string() })),
        skipped: z.array(z.object({ path: z.string(), threadId: z.string(), reason: z.string() })),
        left: z.number(),
      }),
    },
  },
} as const satisfies Operations
