// Requests whose answer was handed over to a child that died before it showed that it had it: a person dismisses one, or has
// the model look into it. Neither repeats the answer (decisions 18).

import { Hono } from "hono"
import { z } from "zod"
import { lazily } from "../../../base/kit/lazily.ts"
import type { HttpEnv } from "../env.ts"
import { idParam } from "../guards.ts"
import { json } from "../reply.ts"
import { body } from "../valid.ts"
import { by } from "./deciding.ts"
import type { RouteNeeds } from "./needs.ts"

/** Who has seen it, and where. */
const whose = lazily(() => z.object(by()))

export const unknownOutcomeRoutes = ({ carry }: RouteNeeds) =>
  new Hono<HttpEnv>()
    .post("/requests/:requestId/dismiss", idParam("requestId"), body(whose), async (c) => {
      const requestId = c.req.param("requestId")
      const whose = c.req.valid("json")
      const { sessionId } = await carry.dismiss(requestId, whose)
      return json({ status: "ok", requestId, threadId: sessionId, state: "dismissed", ...dismissed(whose) })
    })
    .post("/requests/:requestId/ask-again", idParam("requestId"), body(whose), async (c) => {
      const requestId = c.req.param("requestId")
      const whose = c.req.valid("json")
      const { request, sent } = await carry.lookInto(requestId, whose)
      const { turnId, queued } = sent
      const about = { requestId, threadId: request.sessionId, turnId, ...(queued && { queued }) }
      return json({ status: "accepted", ...about, state: "dismissed", ...dismissed(whose) }, 202)
    })

const dismissed = ({ actor, source }: z.infer<ReturnType<typeof whose>>) => ({
  dismissedBy: actor,
  dismissedFrom: source,
})
