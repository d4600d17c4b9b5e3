// Names that a rebound DNS would bring, and pages of other origins, stay out: on every route and the stream, in every auth
// mode, before anything else is looked at. Pages of configured origins get the CORS answers that browsers ask for.

import { createMiddleware } from "hono/factory"
import { Fault } from "../../../base/fault.ts"
import type { HttpEnv } from "../env.ts"

export interface HouseNeeds {
  host: string
  allowedHosts: string[]
  allowedOrigins: string[]
}

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]
const bare = (host: string): string => host.toLowerCase().replace(/:\d+$/, "")

const METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
/** What a page may send beside what every page may. */
const HEADERS = [
  "authorization",
  "content-type",
  "idempotency-key",
  "if-none-match",
  "last-event-id",
  "x-api-token",
  "x-codex-role",
  "x-codex-actor",
  "x-codex-rbac-token",
].join(", ")
/** What a page may read beside what every page may. */
const SHOWN = "etag, retry-after, www-authenticate, x-request-id"
const PREFLIGHT_S = "600"

export function sameHouse({ host, allowedHosts, allowedOrigins }: HouseNeeds) {
  const own = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host
  const hosts = new Set([...LOOPBACK, own, ...allowedHosts].map((name) => bare(name)))
  const origins = new Set(allowedOrigins.map((origin) => origin.toLowerCase()))
  return createMiddleware<HttpEnv>(async (c, next) => {
    const named = c.req.header("host") ?? ""
    if (!hosts.has(bare(named)))
      throw new Fault("forbidden_host", "this Host is not allowed; see API_ALLOWED_HOSTS")
    const given = c.req.header("origin")
    const origin = given?.toLowerCase()
    const known = origin !== undefined && origins.has(origin)
    if (origin !== undefined && !known && origin !== `http://${named.toLowerCase()}`)
      throw new Fault("forbidden_origin", "this Origin is not allowed; see API_ALLOWED_ORIGINS")
    const isPreflight = c.req.method === "OPTIONS" && c.req.header("access-control-request-method")
    if (known && isPreflight) c.res = preflight(c.req.header("access-control-request-private-network"))
    else await next()
    // An answer in a cache is another one for another page.
    if (origins.size > 0) c.header("vary", "Origin", { append: true })
    if (!known || given === undefined) return
    c.header("access-control-allow-origin", given)
    c.header("access-control-allow-credentials", "true")
    c.header("access-control-expose-headers", SHOWN)
  })
}

const preflight = (privateNetwork: string | undefined): Response =>
  new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-methods": METHODS,
      "access-control-allow-headers": HEADERS,
      "access-control-max-age": PREFLIGHT_S,
      ...(privateNetwork === "true" && { "access-control-allow-private-network": "true" }),
    },
  })
