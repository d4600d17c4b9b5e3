// The service itself. Health says everything to whoever holds the key and only the status to strangers.

import { type Context, Hono } from "hono"
import type { HttpEnv } from "../env.ts"
import { json } from "../reply.ts"
import type { RouteNeeds } from "./needs.ts"

type Needs = Pick<RouteNeeds, "version" | "health"> & { mayRead(c: Context<HttpEnv>): Promise<boolean> }

export const healthRoutes = ({ version, health, mayRead }: Needs) =>
  new Hono<HttpEnv>()
    .get("/", () => json({ name: "codexd", version }))
    .get("/health", async (c) => {
      const report = health()
      return json((await mayRead(c)) ? report : { status: report.status, service: "api" })
    })
