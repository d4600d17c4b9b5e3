// Every request is seen once, when its answer is ready: a line in the access log, a count in the meters, and for whatever may
// change something an entry in the audit, stored before the answer leaves. By the route's pattern, never by what is in it.

import type { Context, MiddlewareHandler } from "hono"
import { Fault } from "../../../base/fault.ts"
import type { Clock } from "../../../base/kit/clock.ts"
import type { Logger } from "../../../base/observe/logger.ts"
import { markOf, NO_TRACE, type Trace } from "../../../base/observe/trace.ts"
import type { Trail } from "../../../domain/trail/trail.ts"
import type { HttpEnv } from "../env.ts"
import { LONGEST_ID } from "../guards.ts"
import { bytesOf } from "../reply.ts"

export interface SeenNeeds {
  clock: Clock
  logger: Logger
  trail: Pick<Trail, "record">
  trace?: Trace
  measures: {
    answered(answered: {
      route: string
      method: string
      status: number
      ms: number
      bytes: number | undefined
    }): void
    auditFailed(): void
  }
  /** The session that an approval, a question or a tool call belongs to. */
  sessionOf(requestId: string): string | undefined
}

type Asked = Context<HttpEnv>
interface SpanTold {
  route: string
  method: string
  status: number
  fault: string | undefined
}
/** Of a path or method that isn't there. */
export const UNMATCHED = "unmatched"
const REFUSED = 400
const BROKEN = 500
const READS = new Set(["GET", "HEAD", "OPTIONS"])
/** Methods beyond these are anybody's text. */
const METHODS = new Set([...READS, "POST", "PUT", "PATCH", "DELETE"])
/** Asked for by machines, again and again. */
const PROBES = new Set(["/api/health", "/api/livez", "/api/readyz", "/metrics"])

export function createSeen({
  clock,
  logger,
  trail,
  trace = NO_TRACE,
  measures,
  sessionOf,
}: SeenNeeds): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const began = clock.mono()
    const span = trace.begin({ name: "request", kind: "server", parent: markOf(c.req.header("traceparent")) })
    await trace.within(span, next)
    const ms = clock.mono() - began
    const matched = c.get("route")
    const route = matched?.path ?? UNMATCHED
    const method = METHODS.has(c.req.method) ? c.req.method : "OTHER"
    const { status } = c.res
    const bytes = bytesOf(c.res)
    const fault = c.error instanceof Fault ? c.error.code : undefined
    const who = c.get("who")?.name
    if (PROBES.has(route)) span.drop()
    else span.end(spanOf(c, { route, method, status, fault }))
    measures.answered({ route, method, status, ms, bytes })
    logger[PROBES.has(route) ? "debug" : "info"]("answered", {
      method,
      route,
      status,
      ms: rounded(ms),
      ...(bytes !== undefined && { bytes }),
      ...(fault && { fault }),
      ...(who !== undefined && { who }),
      from: c.env.peer.address,
      requestId: c.get("requestId"),
    })
    if (!matched || READS.has(method) || isStranger(c, status)) return
    try {
      await trail.record({
        ...about(c, sessionOf),
        method,
        route,
        status,
        ms: rounded(ms),
        result: resultOf(status, fault),
      })
    } catch (error) {
      measures.auditFailed()
      logger.error("a change could not be entered in the audit", {
        requestId: c.get("requestId"),
        route,
        error,
      })
    }
  }
}

function spanOf(c: Asked, told: SpanTold) {
  const { route, method, status, fault } = told
  return {
    name: `${method} ${route}`,
    failed: status >= BROKEN,
    attributes: {
      "http.request.method": method,
      "http.route": route,
      "http.response.status_code": status,
      "codexd.request.id": c.get("requestId"),
      ...(fault !== undefined && { "error.type": fault }),
    },
  }
}

/** Refused before anybody could be named, so nothing changed: a flood of these must not push out what is kept. */
const isStranger = (c: Asked, status: number): boolean => c.get("who") === undefined && status >= REFUSED

const resultOf = (status: number, fault: string | undefined): string =>
  fault ?? (status < REFUSED ? "ok" : "refused")

const rounded = (ms: number): number => Math.round(ms * 1_000) / 1_000

function about(c: Asked, sessionOf: SeenNeeds["sessionOf"]) {
  const given = Object.entries(c.req.param() as Record<string, string>)
  // Each by itself, so that what is entered is JSON whatever came.
  const params: Record<string, string> = Object.fromEntries(
    given.map(([name, id]) => [name, id.slice(0, LONGEST_ID)]),
  )
  const { sessionId, approvalId, requestId } = params
  const asked = approvalId ?? requestId
  const who = c.get("who")
  return {
    who: who?.name ?? "anybody",
    via: who?.via ?? "nothing",
    origin: c.env.peer.address,
    session: sessionId ?? c.get("about") ?? (asked === undefined ? undefined : sessionOf(asked)),
    params: JSON.stringify(params),
    requestId: c.get("requestId"),
  }
}
