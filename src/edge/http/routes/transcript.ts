// The transcript: pages from its end, what changed since a place, and entries written from outside (wire-contract §1.7).

import { Hono } from "hono"
import { z } from "zod"
import { Fault } from "../../../base/fault.ts"
import { lazily } from "../../../base/kit/lazily.ts"
import { createConditional } from "../answers/conditional.ts"
import type { SessionEnv } from "../env.ts"
import { json } from "../reply.ts"
import { brought } from "../shown.ts"
import { body, query } from "../valid.ts"
import type { RouteNeeds } from "./needs.ts"
import { text } from "./schemas.ts"

const MOST = 1_000
const whole = (usual: number) =>
  z
    .string()
    .regex(/^\d{1,4}$/, "must be a whole number")
    .transform(Number)
    .pipe(z.number().min(1).max(MOST))
    .default(usual)
const ask = lazily(() =>
  z
    .object({
      before: z.string().min(1).optional(),
      limit: whole(100),
      since: z.string().min(1).max(1_000).optional(),
    })
    .refine(({ before, since }) => before === undefined || since === undefined, {
      message: "before and since exclude each other",
      path: ["since"],
    }),
)
const raw = lazily(() =>
  z.object({
    turnId: z.string().min(1).optional(),
    after: z
      .string()
      .regex(/^\d{1,15}$/, "must be a whole number")
      .transform(Number)
      .default(0),
    limit: whole(100),
  }),
)
const moment = lazily(() => z.number().int().min(0))
const entry = lazily(() =>
  z.object({
    messageId: text(),
    turnId: text(),
    role: z.enum(["user", "assistant", "system"]),
    type: text(),
    content: z.string(),
    details: z.string().nullish(),
    status: z.enum(["streaming", "complete", "canceled", "error"]),
    startedAt: moment().optional(),
    completedAt: moment().optional(),
  }),
)

export const transcriptRoutes = (needs: RouteNeeds) => {
  const { rooms, gate, transcriptActs } = needs
  const conditional = createConditional()
  return new Hono<SessionEnv>()
    .get("/:sessionId/transcript", gate("PGX"), query(ask), async (c) => {
      const { before, limit, since } = c.req.valid("query")
      const session = c.get("session")
      const poured = await brought(needs, session)
      const make = () => {
        if (since !== undefined) return rooms.transcript.since(session.id, since)
        const page = rooms.transcript.page(session.id, { before, limit })
        if (page === undefined) throw unknownEntry(before)
        return page
      }
      const revision = poured ? rooms.sessions.revision(session.id) : undefined
      // The last page is what is asked for again and again.
      const keep = before === undefined && since === undefined ? `${limit} ${session.id}` : undefined
      return conditional.answer(c, { revision, keep, make })
    })
    .get("/:sessionId/raw-items", gate("PGX"), query(raw), (c) => {
      const sessionId = c.get("session").id
      const { stored } = rooms.raw
      return json({ sessionId, stored, ...rooms.raw.list({ sessionId, ...c.req.valid("query") }) })
    })
    .post("/:sessionId/transcript/upsert", gate("PGX"), body(entry), async (c) => {
      const { details, ...rest } = c.req.valid("json")
      const asked = { ...rest, ...(details != null && { details }) }
      await transcriptActs.upsert(c.get("sessionId"), asked)
      return json({ status: "ok", sessionId: c.get("sessionId"), entry: asked })
    })
}

const unknownEntry = (before: string | undefined): Fault =>
  new Fault("invalid_request", "before: no entry of this session", {
    issues: [{ code: "custom", path: ["before"], message: `no entry ${before}` }],
  })
