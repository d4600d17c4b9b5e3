// The whole HTTP surface, mounted once: checks of Host, Origin, token and body before the routes, one translation of
// failures after them. An unknown error is a bug of ours: logged with its cause, answered 500 without it.

import { Hono, type MiddlewareHandler } from "hono"
import { HTTPException } from "hono/http-exception"
import { matchedRoutes } from "hono/route"
import { Fault, type FaultCode } from "../../base/fault.ts"
import { newId } from "../../base/kit/ids.ts"
import { lazily } from "../../base/kit/lazily.ts"
import type { Logger } from "../../base/observe/logger.ts"
import type { Peer } from "../../base/platform/port.ts"
import { createAdmission } from "./doors/admit.ts"
import type { Door } from "./doors/door.ts"
import { sameHouse } from "./doors/house.ts"
import { inTime, upTo } from "./doors/in-time.ts"
import type { HttpEnv } from "./env.ts"
import { onlyRead } from "./guards.ts"
import { serveDocument } from "./openapi/served.ts"
import { bytesOf, faultReply, mark } from "./reply.ts"
import { accountRoutes } from "./routes/account.ts"
import { approvalRoutes } from "./routes/approvals.ts"
import { auditRoutes } from "./routes/audit.ts"
import { catalogueRoutes } from "./routes/catalogue.ts"
import { configRoutes } from "./routes/config.ts"
import { controlRoutes } from "./routes/controls.ts"
import { docsRoutes } from "./routes/docs.ts"
import { exportRoutes, IMPORT_PATH } from "./routes/export.ts"
import { extensionRoutes } from "./routes/extensions.ts"
import { healthRoutes } from "./routes/health.ts"
import { jobRoutes } from "./routes/jobs.ts"
import { lifeRoutes } from "./routes/life.ts"
import { loginPages, loginRoutes } from "./routes/login.ts"
import { metricsRoutes } from "./routes/metrics.ts"
import type { RouteNeeds } from "./routes/needs.ts"
import { projectRoutes } from "./routes/projects.ts"
import { promptRoutes } from "./routes/prompts.ts"
import { requestRoutes } from "./routes/requests.ts"
import { rpcRoutes } from "./routes/rpc.ts"
import { SCOPE_OF } from "./routes/scopes.ts"
import { searchRoutes } from "./routes/search.ts"
import { sessionRoutes } from "./routes/sessions.ts"
import { streamRoutes } from "./routes/stream.ts"
import { suggestionRoutes } from "./routes/suggestions.ts"
import { tokenRoutes } from "./routes/tokens.ts"
import { toolRoutes } from "./routes/tools.ts"
import { transcriptRoutes } from "./routes/transcript.ts"
import { hookDoor, triggerRoutes } from "./routes/triggers.ts"
import { turnRoutes } from "./routes/turns.ts"
import { unknownOutcomeRoutes } from "./routes/unknown-outcomes.ts"
import { usageRoutes } from "./routes/usage.ts"
import { wellFormed } from "./valid.ts"

export interface ApiNeeds extends RouteNeeds {
  door: Door
  logger: Logger
  /** Access log, meters and audit of every request. */
  seen?: MiddlewareHandler<HttpEnv>
}

const HEADERS_OF: Partial<Record<FaultCode, Record<string, string>>> = {
  unauthorized: { "www-authenticate": "Bearer" },
  // What still comes of the body belongs to no request.
  request_timeout: { connection: "close" },
}

/** decisions 36. */
const MAX_MIB = 1
const MAX_TOOL_MIB = 8

export function createApi({ door, logger, seen, ...needs }: ApiNeeds) {
  const admission = createAdmission({
    tokens: door.asked,
    slowing: door.slowing,
    cookie: door.cookie,
    scopeOf: (route) => SCOPE_OF[route],
  })
  const app = new Hono<HttpEnv>()
  app.use(async (c, next) => {
    c.set("requestId", newId())
    c.set(
      "route",
      matchedRoutes(c).findLast(({ method }) => method !== "ALL"),
    )
    await next()
    mark(c, "x-request-id", c.get("requestId"))
    mark(c, "x-content-type-options", "nosniff")
    // What a GET would bring; Bun would say 0.
    const bytes = c.req.method === "HEAD" ? bytesOf(c.res) : undefined
    if (bytes) mark(c, "content-length", String(bytes))
  })
  if (seen) app.use(seen)
  // Signed requests prove themselves: they come from anywhere (decisions 36).
  app.route("/api", hookDoor(needs))
  app.use(sameHouse(door))
  const limits = { tool: upTo(MAX_TOOL_MIB), other: upTo(MAX_MIB) }
  const limited: MiddlewareHandler = (c, next) => {
    // It counts for itself, and is no JSON.
    if (c.req.path === IMPORT_PATH) return next()
    return limits[c.req.path.startsWith("/api/tool-calls/") ? "tool" : "other"](c, next)
  }
  // A path or method that isn't there is said before anything about the body.
  const formed: MiddlewareHandler<HttpEnv> = (c, next) =>
    c.get("route") && c.req.path !== IMPORT_PATH ? wellFormed(c, next) : next()
  const timely = inTime(needs.clock)
  const whole: MiddlewareHandler = (c, next) =>
    c.req.method === "GET" || c.req.method === "HEAD" || c.req.path === IMPORT_PATH ? next() : timely(c, next)
  // One chain, because its type is the client's (src/client).
  const typed = app
    .route("/", loginPages())
    .route("/api", extensionRoutes({ ...needs, enter: admission.enter, slowing: door.slowing }))
    .use("/api/*", admission.guard)
    .route("/api", healthRoutes({ ...needs, mayRead: admission.mayRead }))
    .get("/api/openapi.json", serveDocument({ clock: needs.clock, steps: documentSteps }))
    .route("/api", docsRoutes(needs))
    .use("/metrics", admission.guard)
    .route("/", metricsRoutes(needs))
    .use("/api/*", limited, whole, formed)
    .use("/api/sessions/*", onlyRead(needs.rooms))
    .route("/api", tokenRoutes(door))
    .route("/api", loginRoutes({ ...needs, door }))
    .route("/api", streamRoutes({ ...needs, passOf: admission.passOf }))
    .route("/api/sessions", exportRoutes(needs))
    .route("/api/sessions", sessionRoutes(needs))
    .route("/api/sessions", transcriptRoutes(needs))
    .route("/api/sessions", lifeRoutes(needs))
    .route("/api/projects", projectRoutes(needs))
    .route("/api/sessions", turnRoutes(needs))
    .route("/api/sessions", promptRoutes(needs))
    .route("/api/sessions", controlRoutes(needs))
    .route("/api/sessions", suggestionRoutes(needs))
    .route("/api", searchRoutes(needs))
    .route("/api", usageRoutes(needs))
    .route("/api", jobRoutes(needs))
    .route("/api", triggerRoutes(needs))
    .route("/api", auditRoutes(needs))
    .route("/api", approvalRoutes(needs))
    .route("/api", toolRoutes(needs))
    .route("/api", requestRoutes(needs))
    .route("/api", unknownOutcomeRoutes(needs))
    .route("/api", catalogueRoutes(needs))
    .route("/api", accountRoutes(needs))
    .route("/api", configRoutes(needs))
    .route("/api", rpcRoutes(needs))
  // Its schemas are most of what would have to be loaded at the start, and few ever read it.
  async function documentSteps() {
    const { documentSteps } = await import("./openapi/document.ts")
    return documentSteps({ routes: app.routes, version: needs.version })
  }

  const methods = methodTable(app.routes)
  app.notFound((c) => {
    const allow = methods(c.req.path)
    if (allow.length === 0)
      return faultReply(new Fault("route_not_found", `Route ${c.req.method}:${c.req.path} not found`))
    const fault = new Fault("method_not_allowed", `${c.req.method} is not allowed here`)
    return faultReply(fault, { allow: allow.join(", ") })
  })
  app.onError((error, c) => {
    if (error instanceof Fault) return faultReply(error, HEADERS_OF[error.code] ?? {})
    if (error instanceof HTTPException)
      return faultReply(new Fault("request_failed", error.message || "the request can't be read"))
    const requestId = c.get("requestId")
    logger.error("a request failed by a bug", { requestId, method: c.req.method, path: c.req.path, error })
    return faultReply(new Fault("internal_error", "something went wrong in the daemon", { requestId }))
  })
  return {
    /** `undefined` when the request became a websocket. */
    async fetch(request: Request, peer: Peer): Promise<Response | undefined> {
      const response = await app.fetch(request, { peer })
      return response.headers.has(UPGRADED) ? undefined : response
    },
    routes: app.routes,
    typed,
  }
}
/** Every route with what it takes and answers. */
export type AppType = ReturnType<typeof createApi>["typed"]

/** Marks the answer of a request that is a websocket by now: nothing of it is sent. */
export const UPGRADED = "x-codexd-upgraded"

/** Which methods a path answers to, over all routes. */
function methodTable(routes: { method: string; path: string }[]) {
  const table = new Map<string, Set<string>>()
  for (const { method, path } of routes) {
    if (method === "ALL") continue
    const known = table.get(path) ?? new Set<string>()
    table.set(path, known.add(method))
    if (method === "GET") known.add("HEAD")
  }
  const patterns = lazily(() => [...table].map(([path, methods]) => ({ methods, is: patternOf(path) })))
  return (path: string): string[] => [
    ...new Set(
      patterns()
        .filter((p) => p.is.test(path))
        .flatMap((p) => [...p.methods]),
    ),
  ]
}

const patternOf = (path: string): RegExp =>
  new RegExp(`^${path.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/:[a-zA-Z]+/g, "[^/]+")}$`)
