// Turns of a session: send, interrupt (wire-contract §1.6).

import { Hono } from "hono"
import { z } from "zod"
import type { SessionEnv } from "../env.ts"
import { json } from "../reply.ts"
import { body } from "../valid.ts"
import type { RouteNeeds } from "./needs.ts"
import { overrides, text } from "./schemas.ts"

const message = z.object({
  text: text(),
  effort: z.enum(["none", "minimal", "low", "medium", "high", "xhigh"]).optional(),
  ...overrides,
})
const interrupt = z.object({ turnId: text(240).optional() })

export const turnRoutes = ({ rooms, gate }: RouteNeeds) =>
  new Hono<SessionEnv>()
    .post("/:sessionId/messages", gate("PGSX"), body(message), async (c) => {
      const sessionId = c.get("sessionId")
      const { turnId } = await rooms.turns.send(sessionId, c.req.valid("json"))
      return json({ status: "accepted", sessionId, turnId }, 202)
    })
    .post("/:sessionId/interrupt", gate("PGS"), body(interrupt), async (c) => {
      const sessionId = c.get("sessionId")
      const { turnId } = await rooms.turns.interrupt(sessionId, c.req.valid("json").turnId)
      return json({ status: "ok", sessionId, turnId })
    })
