// Approvals: what waits for a person in a session, and the person's decision (wire-contract §1.8).

import { Hono } from "hono"
import { z } from "zod"
import type { SessionEnv } from "../env.ts"
import { idParam } from "../guards.ts"
import { json } from "../reply.ts"
import { body } from "../valid.ts"
import { afterlife } from "./afterlife.ts"
import type { RouteNeeds } from "./needs.ts"
import { jsonObject } from "./schemas.ts"

const decision = z.object({
  decision: z.enum(["accept", "decline", "cancel"]),
  scope: z.enum(["turn", "session"]).default("turn"),
  execpolicyAmendment: z.array(z.string()).min(1).optional(),
  networkPolicyAmendment: z.object({ host: z.string(), action: z.enum(["allow", "deny"]) }).optional(),
  permissions: jsonObject.optional(),
})

export const approvalRoutes = ({ rooms, gate }: RouteNeeds) =>
  new Hono<SessionEnv>()
    .get("/sessions/:sessionId/approvals", gate("PGS"), (c) =>
      json({ data: rooms.requests.list(c.get("sessionId"), "approval") }),
    )
    .post("/approvals/:approvalId/decision", idParam("approvalId"), body(decision), async (c) => {
      const approvalId = c.req.param("approvalId")
      const asked = { kind: "approval" as const, ...c.req.valid("json") }
      const { request, decided, state } = await rooms.requests.decide(approvalId, asked, "api")
      const scope = decided.kind === "approval" ? decided.scope : undefined
      return json({ status: "ok", approvalId, threadId: request.sessionId, scope, ...afterlife(state) })
    })
