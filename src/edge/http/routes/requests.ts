// What waits for a person in any session: the operator's inbox. Decisions go to the routes of their kind.

import { Hono } from "hono"
import { z } from "zod"
import { lazily } from "../../../base/kit/lazily.ts"
import { STATES } from "../../../domain/requests/machine/states.ts"
import type { HttpEnv } from "../env.ts"
import { json } from "../reply.ts"
import { query } from "../valid.ts"
import type { RouteNeeds } from "./needs.ts"
import { limit, text } from "./schemas.ts"

const inbox = lazily(() =>
  z.object({
    state: z.enum(["pending", ...STATES]).default("pending"),
    kind: z.enum(["approval", "tool_input", "tool_call"]).optional(),
    topic: z
      .enum(["command", "fileChange", "permissions", "skill", "userInput", "elicitation", "toolCall"])
      .optional(),
    sessionId: text(240).optional(),
    projectId: text(240).optional(),
    cursor: z.string().min(1).max(1_000).optional(),
    limit: limit().default(50),
  }),
)

export const requestRoutes = ({ rooms }: RouteNeeds) =>
  new Hono<HttpEnv>().get("/requests", query(inbox), (c) => {
    const { state, ...ask } = c.req.valid("query")
    return json(rooms.requests.inbox(state === "pending" ? ask : { ...ask, states: [state] }))
  })
