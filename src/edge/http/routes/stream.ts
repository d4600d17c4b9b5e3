// The live doors: the websocket and the same as server-sent events.

import { type Context, Hono } from "hono"
import type { Pass } from "../../stream/pass.ts"
import { UPGRADED } from "../api.ts"
import type { HttpEnv } from "../env.ts"
import type { RouteNeeds } from "./needs.ts"

type Needs = Pick<RouteNeeds, "sockets" | "events"> & { passOf(c: Context<HttpEnv>): Pass | undefined }

export const streamRoutes = ({ sockets, events, passOf }: Needs) =>
  new Hono<HttpEnv>()
    .get(
      "/stream",
      (c) =>
        sockets.openStream(c.req.raw, c.env.peer, passOf(c)) ??
        new Response(null, { headers: { [UPGRADED]: "1" } }),
    )
    // A HEAD has no body that anybody would read: nobody listens.
    .get("/events", (c) =>
      c.req.method === "HEAD"
        ? new Response(null, { headers: { "content-type": "text/event-stream; charset=utf-8" } })
        : events.openEvents(c.req.raw, c.env.peer, passOf(c)),
    )
