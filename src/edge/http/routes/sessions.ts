// Sessions: create, list, read (wire-contract §1.4, §1.5).

import { Hono } from "hono"
import { createMiddleware } from "hono/factory"
import { z } from "zod"
import { lazily } from "../../../base/kit/lazily.ts"
import { createConditional } from "../answers/conditional.ts"
import type { SessionEnv } from "../env.ts"
import { once } from "../once.ts"
import { json, jsonText } from "../reply.ts"
import { brought, shownOf } from "../shown.ts"
import { body, query } from "../valid.ts"
import type { RouteNeeds } from "./needs.ts"
import { policySent } from "./policy-sent.ts"
import { dynamicTools, flag, limit, overrides, text } from "./schemas.ts"

const create = lazily(() =>
  z.object({ cwd: text(4_096).optional(), dynamicTools: dynamicTools(), ...overrides() }),
)
const list = lazily(() =>
  z.object({
    archived: flag().default(false),
    includeSystemOwned: flag().default(false),
    cursor: z.string().min(1).max(1_000).optional(),
    limit: limit().default(100),
    /** Reads the child's lists first. */
    refresh: flag().default(false),
  }),
)

export const sessionRoutes = ({ rooms, reconcile, gate, keys }: RouteNeeds) => {
  const conditional = createConditional()
  /**
   * Before every other look: a tag was given for a session that was there, and whatever became of it since, its end too, has
   * another revision. Not while text streams, or before the child's history was laid beside ours.
   */
  const unchanged = createMiddleware<SessionEnv>(async (c, next) => {
    const id = c.req.param("sessionId") ?? ""
    const isWhole = () => rooms.transcript.isPoured(id) && reconcile.isLaid(id)
    return (
      conditional.unchanged(c, () => (isWhole() ? rooms.sessions.revision(id) : undefined)) ?? (await next())
    )
  })
  return new Hono<SessionEnv>()
    .post("/", body(create), async (c) => {
      const input = c.req.valid("json")
      const made = await once<Awaited<ReturnType<typeof rooms.sessions.create>>>(c, keys, {
        scope: "sessions",
        body: input,
        // A thread that nobody was told of and in which nothing was said is no loss: after a crash another one is made.
        run: (claim) => rooms.sessions.create(input, claim?.done),
      })
      c.set("about", made.session.sessionId)
      return json({ ...made, ...policySent(rooms, made.session.approvalPolicy) })
    })
    .get("/", query(list), async (c) => {
      const { refresh, ...page } = c.req.valid("query")
      if (refresh) await reconcile.refresh()
      return jsonText(rooms.sessions.list(page))
    })
    .get("/:sessionId", unchanged, gate("PGX"), async (c) => {
      const asked = c.get("session")
      const poured = await brought({ rooms, reconcile }, asked)
      const make = () => {
        const { session, thread, transcript } = shownOf(rooms, asked.id, poured)
        return `{"session":${session},"thread":${thread},"transcript":${transcript}}`
      }
      return conditional.answer(c, {
        revision: poured ? rooms.sessions.revision(asked.id) : undefined,
        keep: asked.id,
        make,
      })
    })
}
