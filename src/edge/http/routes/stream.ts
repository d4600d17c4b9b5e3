// The live doors: the websocket and the same as server-sent events.

import { Hono } from "hono"
import { UPGRADED } from "../api.ts"
import type { HttpEnv } from "../env.ts"
import type { RouteNeeds } from "./needs.ts"

export const streamRoutes = ({ sockets, events }: Pick<RouteNeeds, "sockets" | "events">) =>
  new Hono<HttpEnv>()
    .get(
      "/stream",
      (c) =>
        sockets.openStream(c.req.raw, c.env.peer) ?? new Response(null, { headers: { [UPGRADED]: "1" } }),
    )
    .get("/events", (c) => events.openEvents(c.req.raw, c.env.peer))
