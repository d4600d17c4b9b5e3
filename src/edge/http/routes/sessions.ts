// Sessions: create, list, read (wire-contract §1.4, §1.5).

import { Hono } from "hono"
import { z } from "zod"
import { Fault } from "../../../base/fault.ts"
import { plainEntry } from "../../../domain/transcript/transcript.ts"
import { threadText } from "../../../domain/turns/thread.ts"
import type { SessionEnv } from "../env.ts"
import { json, jsonText } from "../reply.ts"
import { body, query } from "../valid.ts"
import type { RouteNeeds } from "./needs.ts"
import { dynamicTools, flag, limit, overrides, text } from "./schemas.ts"

const create = z.object({ cwd: text(4_096).optional(), dynamicTools, ...overrides })
const list = z.object({
  archived: flag.default(false),
  includeSystemOwned: flag.default(false),
  cursor: z.string().min(1).max(1_000).optional(),
  limit: limit.default(100),
})

export const sessionRoutes = ({ rooms, reconcile, gate }: RouteNeeds) =>
  new Hono<SessionEnv>()
    .post("/", body(create), async (c) => json(await rooms.sessions.create(c.req.valid("json"))))
    .get("/", query(list), (c) => json(rooms.sessions.list(c.req.valid("query"))))
    .get("/:sessionId", gate("PX"), async (c) => {
      await reconcile.history(c.get("session"))
      const session = rooms.sessions.find(c.get("sessionId"))
      if (!session) throw new Fault("session_not_found", "no such session", { sessionId: c.get("sessionId") })
      const rows = await rooms.transcript.read(session.id)
      const thread = threadText(session.thread, rooms.turns.list(session.id), rows, {
        preview: session.preview,
        updatedAt: session.updatedAt,
      })
      const summary = JSON.stringify(rooms.sessions.summary(session))
      return jsonText(
        `{"session":${summary},"thread":${thread},"transcript":${JSON.stringify(rows.map(plainEntry))}}`,
      )
    })
