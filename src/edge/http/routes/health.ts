// The service itself. Health says everything to whoever holds the key and only the status to strangers.

import { type Context, Hono } from "hono"
import type { HttpEnv } from "../env.ts"
import { json, jsonText } from "../reply.ts"
import type { RouteNeeds } from "./needs.ts"

type Needs = Pick<RouteNeeds, "version" | "health" | "healthStatus" | "readiness"> & {
  mayRead(c: Context<HttpEnv>): Promise<boolean>
}

type Report = ReturnType<Needs["health"]>
/** Those who ask at once get the same report; it is written down once. */
function createWriter() {
  let last: { report: Report; text: string } | undefined
  return (report: Report): string => {
    if (last?.report !== report) last = { report, text: JSON.stringify(report) }
    return last.text
  }
}

export const healthRoutes = ({ version, health, healthStatus, readiness, mayRead }: Needs) => {
  const textOf = createWriter()
  return new Hono<HttpEnv>()
    .get("/", () => json({ name: "codexd", version }))
    .get("/livez", () => json({ status: "ok" }))
    .get("/readyz", () => {
      const { ready } = readiness()
      return json({ status: ready ? "ok" : "unready" }, ready ? 200 : 503)
    })
    .get("/health", async (c) => {
      if (await mayRead(c)) return jsonText<Report>(textOf(health()))
      return json({ status: healthStatus(), service: "api" })
    })
}
