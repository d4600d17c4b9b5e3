// The service itself. Health says everything to whoever holds the key and only the status to strangers.

import { type Context, Hono } from "hono"
import type { HttpEnv } from "../env.ts"
import { json } from "../reply.ts"
import type { RouteNeeds } from "./needs.ts"

type Needs = Pick<RouteNeeds, "version" | "health" | "readiness"> & {
  mayRead(c: Context<HttpEnv>): Promise<boolean>
}

export const healthRoutes = ({ version, health, readiness, mayRead }: Needs) =>
  new Hono<HttpEnv>()
    .get("/", () => json({ name: "codexd", version }))
    .get("/livez", () => json({ status: "ok" }))
    .get("/readyz", () => {
      const { ready } = readiness()
      return json({ status: ready ? "ok" : "unready" }, ready ? 200 : 503)
    })
    .get("/health", async (c) => {
      const report = health()
      return json((await mayRead(c)) ? report : { status: report.status, service: "api" })
    })
