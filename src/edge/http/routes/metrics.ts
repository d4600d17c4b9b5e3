// The meters for Prometheus, in its text form.

import { Hono } from "hono"
import type { HttpEnv } from "../env.ts"

export interface MetricsNeeds {
  metrics(): Promise<{ type: string; text: string }>
}

export const metricsRoutes = ({ metrics }: MetricsNeeds) =>
  new Hono<HttpEnv>().get("/metrics", async () => {
    const { type, text } = await metrics()
    return new Response(text, { headers: { "content-type": type } })
  })
