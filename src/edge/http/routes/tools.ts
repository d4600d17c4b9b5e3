// Tool input and dynamic tool calls: what waits in a session, and the answers (wire-contract §1.8).

import { Hono } from "hono"
import { z } from "zod"
import { Fault, isFault } from "../../../base/fault.ts"
import { lazily } from "../../../base/kit/lazily.ts"
import type { SessionEnv } from "../env.ts"
import { idParam } from "../guards.ts"
import { json } from "../reply.ts"
import { body } from "../valid.ts"
import { by, decided } from "./deciding.ts"
import type { RouteNeeds } from "./needs.ts"
import { jsonObject } from "./schemas.ts"

const input = lazily(() =>
  z.object({
    decision: z.enum(["accept", "decline", "cancel"]),
    answers: z.record(z.string(), z.object({ answers: z.array(z.string()) })).optional(),
    content: jsonObject().optional(),
    scope: z.enum(["turn", "session", "always"]).optional(),
    response: z.unknown().optional(),
    ...by(),
  }),
)
const contentItem = lazily(() =>
  z.discriminatedUnion("type", [
    z.object({ type: z.literal("inputText"), text: z.string() }),
    z.object({
      type: z.literal("inputImage"),
      imageUrl: z.string().regex(/^(data:image\/|https?:\/\/)/i, "must be a data:image or http(s) url"),
    }),
  ]),
)
const call = lazily(() =>
  z.object({
    success: z.boolean().optional(),
    text: z.string().optional(),
    contentItems: z.array(contentItem()).max(1_000).optional(),
    response: z.unknown().optional(),
    ...by(),
  }),
)

/** `response` counts when the key is there, even as null. */
const verbatim = ({ response }: { response?: unknown }) => (response === undefined ? {} : { response })

export const toolRoutes = ({ rooms, gate }: RouteNeeds) =>
  new Hono<SessionEnv>()
    .get("/sessions/:sessionId/tool-input", gate("PGS"), (c) =>
      json({ data: rooms.requests.list(c.get("sessionId"), "tool_input") }),
    )
    .get("/sessions/:sessionId/tool-calls", gate("PGS"), (c) =>
      json({ data: rooms.requests.list(c.get("sessionId"), "tool_call") }),
    )
    .post("/tool-input/:requestId/decision", idParam("requestId"), body(input), async (c) => {
      const { response, actor, source, ...answer } = c.req.valid("json")
      const asked = { kind: "tool_input" as const, ...answer, ...verbatim({ response }) }
      const requestId = c.req.param("requestId")
      const { request, state } = await rooms.requests.decide(requestId, asked, { actor, source })
      return json({
        status: "ok",
        requestId,
        threadId: request.sessionId,
        ...decided(rooms, requestId, state),
      })
    })
    .post("/tool-calls/:requestId/response", idParam("requestId"), body(call), async (c) => {
      const { success, text, contentItems, actor, source, ...rest } = c.req.valid("json")
      const asked = { kind: "tool_call" as const, success, text, contentItems, ...verbatim(rest) }
      const requestId = c.req.param("requestId")
      const { request, state } = await rooms.requests
        .decide(requestId, asked, { actor, source })
        .catch((error) => {
          throw inFlight(error, requestId)
        })
      return json({
        status: "ok",
        requestId,
        threadId: request.sessionId,
        ...decided(rooms, requestId, state),
      })
    })

/** While another answer is being written, tool calls have a body of their own; afterwards they are not found (§1.8). */
function inFlight(error: unknown, requestId: string): unknown {
  if (!isFault(error, "request_reconciled")) return error
  if (error.details.code !== "conflict")
    return new Fault("request_not_found", "that call was answered", { requestId })
  return new Fault("call_in_flight", "another answer was first", { requestId }, { cause: error })
}
