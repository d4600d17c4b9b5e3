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
    // A HEAD has no body that anybody would read: nobody listens.
    .get("/events", (c) =>
      c.req.method === "HEAD"
        ? new Response(null, { headers: { "content-type": "text/event-stream; charset=utf-8" } })
        : events.openEvents(c.req.raw, c.env.peer),
    )
