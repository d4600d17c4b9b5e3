// What tokens were used for (docs/usage.md).

import { z } from "zod"
import type { Operations } from "../operation.ts"

const counts = {
  calls: z.int(),
  totalTokens: z.int(),
  inputTokens: z.int(),
  cachedInputTokens: z.int(),
  cacheWriteInputTokens: z.int(),
  outputTokens: z.int(),
  reasoningOutputTokens: z.int(),
}
const gone = "null for what is left of deleted sessions."
const row = z.object({
  day: z.string().optional(),
  model: z.string().optional(),
  projectId: z.string().nullable().optional(),
  sessionId: z.string().nullable().optional().meta({ description: gone }),
  turnId: z.string().nullable().optional().meta({ description: gone }),
  ...counts,
})

export const usageRows = {
  "GET /api/usage": {
    id: "listUsage",
    tag: "sessions",
    summary: "Tokens by session, project, model, turn and day",
    ok: {
      200: z.object({
        groupBy: z.array(z.string()),
        data: z.array(row),
        total: z.object(counts),
        nextOffset: z.int().nullable(),
      }),
    },
  },
} as const satisfies Operations
