// The service itself. Health says everything to whoever holds the key and only the status to strangers.

import { Hono } from "hono"
import type { HttpEnv } from "../env.ts"
import { json } from "../reply.ts"
import type { RouteNeeds } from "./needs.ts"

type Needs = Pick<RouteNeeds, "version" | "health"> & { opens(header: string | undefined): boolean }

export const healthRoutes = ({ version, health, opens }: Needs) =>
  new Hono<HttpEnv>()
    .get("/", () => json({ name: "codexd", version }))
    .get("/health", (c) => {
      const report = health()
      return json(opens(c.req.header("authorization")) ? report : { status: report.status, service: "api" })
    })
