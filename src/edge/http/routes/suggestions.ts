// Suggestions of a next message: asked for and waited for, asked for alone, and given (wire-contract §1.10).

import { Hono } from "hono"
import { createMiddleware } from "hono/factory"
import { z } from "zod"
import { Fault } from "../../../base/fault.ts"
import { lazily } from "../../../base/kit/lazily.ts"
import { suggestionEntry } from "../../../domain/suggestions/suggestions.ts"
import type { SessionEnv } from "../env.ts"
import { json } from "../reply.ts"
import { body } from "../valid.ts"
import type { RouteNeeds } from "./needs.ts"
import { text } from "./schemas.ts"

const wishes = lazily(() =>
  z.object({
    model: text(200).optional(),
    effort: text(100).optional(),
    draft: text(4_000).optional(),
  }),
)
const upsert = lazily(() =>
  z.object({
    requestKey: text(300),
    status: z.enum(["streaming", "complete", "error", "canceled"]),
    suggestion: text(8_000).optional(),
    error: text(4_000).optional(),
  }),
)

export const suggestionRoutes = ({ rooms, db, gate, suggest }: RouteNeeds) => {
  /** Gate U: before the body is looked at. */
  const withQueue = createMiddleware<SessionEnv>((c, next) => {
    suggest.refuseWithoutQueue(c.get("sessionId"))
    return next()
  })
  return new Hono<SessionEnv>()
    .post("/:sessionId/suggested-request/jobs", gate("PGSX"), withQueue, body(wishes), async (c) =>
      json({ status: "queued", ...(await suggest.ask(c.get("session"), c.req.valid("json"))) }, 202),
    )
    .post("/:sessionId/suggested-request", gate("PGSX"), withQueue, body(wishes), async (c) => {
      const given = c.req.valid("json")
      const asked = await suggest.ask(c.get("session"), given)
      const { sessionId, requestKey } = asked
      c.env.peer.holdOpen()
      const found = await suggest.wait(asked, given.draft)
      if (found.is === "later") return json({ status: "queued", ...asked }, 202)
      return json({ status: found.is, sessionId, requestKey, suggestion: found.suggestion })
    })
    .post("/:sessionId/suggested-request/upsert", gate("PGSX"), body(upsert), async (c) => {
      const sessionId = c.get("sessionId")
      const given = c.req.valid("json")
      if (given.status === "complete" && given.suggestion === undefined)
        throw new Fault("missing_suggestion", "a complete suggestion needs its text")
      const suggestion = await db.act((tx) => rooms.suggestions.upsert(tx, { ...given, sessionId }))
      const { requestKey } = suggestion
      return json({ status: "ok", sessionId, requestKey, entry: suggestionEntry(suggestion) })
    })
}
