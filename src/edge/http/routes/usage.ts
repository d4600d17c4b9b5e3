// What tokens were used for (docs/usage.md).

import { Hono } from "hono"
import { z } from "zod"
import { lazily } from "../../../base/kit/lazily.ts"
import type { Sum } from "../../../domain/turns/usage/store.ts"
import type { HttpEnv } from "../env.ts"
import { json } from "../reply.ts"
import { query } from "../valid.ts"
import type { RouteNeeds } from "./needs.ts"
import { flag, words } from "./schemas.ts"

const DIMENSIONS = ["session", "project", "model", "turn", "day"] as const
const isDay = (text: string): boolean =>
  /^\d{4}-\d\d-\d\d$/.test(text) &&
  !Number.isNaN(Date.parse(text)) &&
  new Date(text).toISOString().startsWith(text)
/** A day in UTC; both ends are in. */
const day = lazily(() => z.string().refine(isDay, "must be a day, as 2026-01-31"))
const whole = (most: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, "must be a whole number")
    .transform(Number)
    .pipe(z.number().max(most))

const ask = lazily(() =>
  z.object({
    groupBy: words()
      .pipe(z.array(z.enum(DIMENSIONS)))
      .default(["day"]),
    from: day().optional(),
    to: day().optional(),
    sessionId: z.string().min(1).max(240).optional(),
    projectId: z.string().min(1).max(240).optional(),
    model: z.string().min(1).max(240).optional(),
    /** Counted elsewhere: of sessions that were imported. */
    includeImported: flag().default(false),
    limit: whole(1_000).pipe(z.number().min(1)).default(100),
    offset: whole(999_999_999).default(0),
  }),
)

export const usageRoutes = ({ rooms }: RouteNeeds) =>
  new Hono<HttpEnv>().get("/usage", query(ask), (c) => {
    const asked = c.req.valid("query")
    const { rows, all, more } = rooms.usage.sums(asked)
    const data = rows.map((row) => ({ ...keysOf(row), ...tokensOf(row) }))
    const nextOffset = more ? asked.offset + data.length : null
    return json({ groupBy: asked.groupBy, data, total: all && tokensOf(all), nextOffset })
  })

const NAMES: Record<string, string> = {
  session_id: "sessionId",
  turn_id: "turnId",
  project_id: "projectId",
}
const keysOf = ({ of }: Sum) =>
  Object.fromEntries(Object.entries(of).map(([column, value]) => [NAMES[column] ?? column, value]))

const tokensOf = ({ calls, total, input, cached, cacheWrite, output, reasoning }: Sum) => ({
  calls,
  totalTokens: total,
  inputTokens: input,
  cachedInputTokens: cached,
  cacheWriteInputTokens: cacheWrite,
  outputTokens: output,
  reasoningOutputTokens: reasoning,
})
