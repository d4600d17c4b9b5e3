// Search over all sessions (docs/search.md).

import { z } from "zod"
import type { Operations } from "../operation.ts"
import { iso } from "../shapes.ts"

const hit = z.object({
  sessionId: z.string(),
  title: z.string(),
  projectId: z.string().nullable(),
  archived: z.boolean(),
  messageId: z.string(),
  turnId: z.string(),
  role: z.string(),
  type: z.string(),
  status: z.string(),
  at: iso,
  snippet: z.object({
    text: z.string(),
    marks: z.array(z.array(z.int())).meta({ description: "[where, how long] in `text`." }),
    in: z.enum(["content", "details"]),
  }),
})

export const searchRows = {
  "GET /api/search": {
    id: "search",
    tag: "sessions",
    summary: "Full-text search over all sessions",
    ok: {
      200: z.object({
        data: z.array(hit),
        ranking: z.enum(["relevance", "recency"]),
        matches: z.int(),
        bounded: z.boolean().meta({ description: "There are more than `matches` says." }),
        pending: z.int().meta({ description: "Entries that the index has still to take in." }),
        nextCursor: z.string().nullable(),
      }),
    },
    example: {
      answer: { data: [], ranking: "relevance", matches: 0, bounded: false, pending: 0, nextCursor: null },
    },
  },
} as const satisfies Operations
