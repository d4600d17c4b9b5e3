// Requests whose answer was handed over to a child that died before it showed that it had it: a person dismisses one, or has
// the model look into it. Neither repeats the answer (decisions 18).

import { Hono } from "hono"
import type { HttpEnv } from "../env.ts"
import { idParam } from "../guards.ts"
import { json } from "../reply.ts"
import type { RouteNeeds } from "./needs.ts"

export const unknownOutcomeRoutes = ({ carry }: RouteNeeds) =>
  new Hono<HttpEnv>()
    .post("/requests/:requestId/dismiss", idParam("requestId"), async (c) => {
      const requestId = c.req.param("requestId")
      const { sessionId } = await carry.dismiss(requestId, "api")
      return json({ status: "ok", requestId, threadId: sessionId, state: "dismissed" })
    })
    .post("/requests/:requestId/ask-again", idParam("requestId"), async (c) => {
      const requestId = c.req.param("requestId")
      const { request, sent } = await carry.lookInto(requestId, "api")
      const { turnId, queued } = sent
      const about = { requestId, threadId: request.sessionId, turnId, ...(queued && { queued }) }
      return json({ status: "accepted", ...about, state: "dismissed" }, 202)
    })
