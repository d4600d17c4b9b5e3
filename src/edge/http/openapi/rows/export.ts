// A session as text, and back (docs/export.md).

import { z } from "zod"
import type { Operations } from "../operation.ts"
import { session } from "../shapes.ts"

export const exportRows = {
  "GET /api/sessions/:sessionId/export": {
    id: "exportSession",
    tag: "sessions",
    summary: "The session as Markdown for people, or as JSON lines that can be imported",
    scope: "read",
    ok: { 200: { description: "The session, as a file", type: "text/markdown", schema: z.string() } },
  },
  "POST /api/sessions/import": {
    id: "importSession",
    tag: "sessions",
    summary: "Takes an export in as a session that can be read; the body is its JSON lines, up to 1 GiB",
    scope: "operate",
    ok: { 201: z.object({ status: z.literal("ok"), session }) },
    faults: ["invalid_import", "body_too_large", "unsupported_media_type"],
  },
} as const satisfies Operations
