// Search over all sessions (docs/search.md).

import { Hono } from "hono"
import { z } from "zod"
import { lazily } from "../../../base/kit/lazily.ts"
import type { HttpEnv } from "../env.ts"
import { json } from "../reply.ts"
import { query } from "../valid.ts"
import type { RouteNeeds } from "./needs.ts"
import { flag, limit, moment, words } from "./schemas.ts"

const ask = lazily(() =>
  z.object({
    q: z.string().trim().min(1).max(1_000),
    sessionId: z.string().min(1).max(240).optional(),
    projectId: z.string().min(1).max(240).optional(),
    role: words().optional(),
    type: words().optional(),
    /** The first moment that is in, and the first that is out. */
    from: moment().optional(),
    to: moment().optional(),
    includeSystemOwned: flag().default(false),
    limit: limit().default(20),
    cursor: z.string().min(1).max(1_000).optional(),
  }),
)

export const searchRoutes = ({ rooms }: RouteNeeds) =>
  new Hono<HttpEnv>().get("/search", query(ask), (c) => {
    const { role, type, ...rest } = c.req.valid("query")
    return json(rooms.search.search({ ...rest, roles: role, types: type }))
  })
