// Approvals: what waits for a person in a session, and the person's decision (wire-contract §1.8).

import { Hono } from "hono"
import { z } from "zod"
import { lazily } from "../../../base/kit/lazily.ts"
import type { Outcome } from "../../../domain/requests/machine/decide.ts"
import { resolvedOf } from "../../../domain/requests/verdict.ts"
import { declineWith, type Heard } from "../../../flow/acts/feedback.ts"
import type { SessionEnv } from "../env.ts"
import { idParam } from "../guards.ts"
import { json } from "../reply.ts"
import { body } from "../valid.ts"
import { by, decided } from "./deciding.ts"
import type { RouteNeeds } from "./needs.ts"
import { jsonObject, text } from "./schemas.ts"

const decision = lazily(() =>
  z
    .object({
      decision: z.enum(["accept", "decline", "cancel"]),
      scope: z.enum(["turn", "session"]).default("turn"),
      execpolicyAmendment: z.array(z.string()).min(1).optional(),
      networkPolicyAmendment: z.object({ host: z.string(), action: z.enum(["allow", "deny"]) }).optional(),
      permissions: jsonObject().optional(),
      /** For the model: why not, what instead. */
      feedback: text(100_000).optional(),
      ...by(),
    })
    .refine((given) => given.feedback === undefined || given.decision === "decline", {
      path: ["feedback"],
      message: "is given with a decline only",
    }),
)

export const approvalRoutes = ({ rooms, gate }: RouteNeeds) =>
  new Hono<SessionEnv>()
    .get("/sessions/:sessionId/approvals", gate("PGS"), (c) =>
      json({ data: rooms.requests.list(c.get("sessionId"), "approval") }),
    )
    .post("/approvals/:approvalId/decision", idParam("approvalId"), body(decision), async (c) => {
      const approvalId = c.req.param("approvalId")
      const { actor, source, feedback, ...given } = c.req.valid("json")
      const asked = { kind: "approval" as const, ...given }
      const whose = { actor, source }
      const done: Outcome & { heard?: Heard } =
        feedback === undefined
          ? await rooms.requests.decide(approvalId, asked, whose)
          : await declineWith(rooms, { id: approvalId, asked, by: whose, feedback })
      const { request, state, heard } = done
      const { scope, permissions } = resolvedOf(done.decided)
      const about = { threadId: request.sessionId, scope, permissions, ...decided(rooms, approvalId, state) }
      return json({ status: "ok", approvalId, ...about, ...heard })
    })
