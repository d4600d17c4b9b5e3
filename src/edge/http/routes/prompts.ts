// Prompts of a session: messages that wait for it to be free. Listed, queued, edited, reordered, sent anew, cancelled.

import { Hono } from "hono"
import { z } from "zod"
import { lazily } from "../../../base/kit/lazily.ts"
import type { SessionEnv } from "../env.ts"
import { once } from "../once.ts"
import { json } from "../reply.ts"
import { body, query } from "../valid.ts"
import type { RouteNeeds } from "./needs.ts"
import { policySent } from "./policy-sent.ts"
import { effort, flag, overrides, text } from "./schemas.ts"

const list = lazily(() =>
  z.object({
    /** Accepted and cancelled ones too, as long as they are kept. */
    all: flag().default(false),
  }),
)
const create = lazily(() => z.object({ text: text(), effort: effort().optional(), ...overrides() }))
const edit = lazily(() =>
  z
    .object({
      text: text().optional(),
      effort: effort().optional(),
      ...overrides(),
      position: z.number().int().min(0).optional(),
      /** Sends an indeterminate or failed one anew: a person's word that it may be sent twice. */
      state: z.literal("queued").optional(),
    })
    .refine((given) => Object.keys(given).length > 0, "says nothing that could be changed"),
)

export const promptRoutes = ({ rooms, gate, keys }: RouteNeeds) => {
  const { prompts } = rooms.turns
  return new Hono<SessionEnv>()
    .get("/:sessionId/prompts", gate("PGSX"), query(list), (c) =>
      json({ data: prompts.list(c.get("sessionId"), c.req.valid("query")) }),
    )
    .post("/:sessionId/prompts", gate("PGSX"), body(create), async (c) => {
      const sessionId = c.get("sessionId")
      const given = c.req.valid("json")
      const { text, ...rest } = given
      const prompt = await once(c, keys, {
        scope: `prompts/${sessionId}`,
        body: given,
        // Its answer is written with it: without an answer there is no prompt.
        run: (claim) => prompts.create({ sessionId, text, overrides: rest }, claim?.done),
      })
      const note = rest.approvalPolicy && policySent(rooms, rest.approvalPolicy)
      return json({ status: "accepted", sessionId, prompt, ...note }, 202)
    })
    .patch("/:sessionId/prompts/:promptId", gate("PGSX"), body(edit), async (c) => {
      const sessionId = c.get("sessionId")
      const { text, position, state, ...rest } = c.req.valid("json")
      const change = { text, position, again: state === "queued", overrides: rest }
      return json({
        status: "ok",
        sessionId,
        prompt: await prompts.edit(sessionId, c.req.param("promptId"), change),
        ...(rest.approvalPolicy && policySent(rooms, rest.approvalPolicy)),
      })
    })
    .delete("/:sessionId/prompts/:promptId", gate("PGSX"), async (c) => {
      const sessionId = c.get("sessionId")
      return json({
        status: "ok",
        sessionId,
        prompt: await prompts.cancel(sessionId, c.req.param("promptId")),
      })
    })
}
