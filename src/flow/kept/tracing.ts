// Where spans come from: the calls to the child, and the turns that come of them. A turn belongs to the call that began it,
// and that to the request that was being answered meanwhile. Ids, methods and outcomes are told, never what was said.

import type { Config } from "../../base/config/config.ts"
import { headersOf } from "../../base/config/kinds/collector.ts"
import type { LoggedEvent } from "../../base/events/event.ts"
import type { Log } from "../../base/events/log.ts"
import type { Clock } from "../../base/kit/clock.ts"
import type { Logger } from "../../base/observe/logger.ts"
import { openOtlp } from "../../base/observe/otlp.ts"
import { type Mark, NO_TRACE, type Trace } from "../../base/observe/trace.ts"
import { outcomeOf } from "./measures.ts"

export interface TracingNeeds {
  config: Config
  clock: Clock
  logger: Logger
  version: string
}

/** Told how a call ended. */
export type CallEnd = (how: { result: unknown } | { error: unknown }) => void

export interface Tracing extends AsyncDisposable {
  trace: Trace
  /** Undefined: nobody wants to know of calls. */
  traceCall?: (method: string) => CallEnd
  listen(log: Pick<Log, "onTold">): Disposable
}

/** Turns that began and have not ended; beyond it the oldest are forgotten. */
const MOST_TURNS = 10_000
/** Asked by ourselves on a cadence: traced only for a request. */
const OWN = new Set(["thread/list"])

/** Does nothing and loads nothing unless the configuration names a collector. */
export async function openTracing({ config, clock, logger, version }: TracingNeeds): Promise<Tracing> {
  const { otelExporterOtlpEndpoint: endpoint, otelExporterOtlpHeaders: headers } = config
  const nothing = { [Symbol.dispose]: () => {} }
  if (endpoint === undefined)
    return { trace: NO_TRACE, listen: () => nothing, [Symbol.asyncDispose]: async () => {} }
  const given = { endpoint, headers: headersOf(headers ?? "") ?? {} }
  const trace = await openOtlp({ ...given, version, clock, logger })
  return { trace, ...traced(trace), [Symbol.asyncDispose]: () => trace[Symbol.asyncDispose]() }
}

export function traced(trace: Trace) {
  const sent = createBook<Mark>()
  const begun = createBook<number>()

  const traceCall = (method: string): CallEnd => {
    if (OWN.has(method) && !trace.isUnderWay()) return () => {}
    const attributes = { "rpc.system": "jsonrpc", "rpc.method": method }
    const span = trace.begin({ name: method, kind: "client", attributes })
    return (how) => {
      if ("error" in how)
        return span.end({ failed: true, attributes: { "error.type": outcomeOf(how.error) } })
      const turnId = turnOf(how.result)?.id
      if (typeof turnId === "string" && span.mark) sent.put(turnId, span.mark)
      span.end()
    }
  }

  const hear = ({ at, thread, body }: LoggedEvent): void => {
    const { method, params } = JSON.parse(body) as { method?: unknown; params?: unknown }
    const turn = turnOf(params)
    if (typeof turn?.id !== "string") return
    if (method === "turn/started") begun.put(turn.id, at)
    if (method !== "turn/completed") return
    const status = String(turn.status)
    const attributes = {
      "codexd.turn.id": turn.id,
      "codexd.turn.status": status,
      ...(thread !== null && { "codexd.session.id": thread }),
    }
    const began = begun.take(turn.id) ?? at
    const span = trace.begin({
      name: "turn",
      kind: "internal",
      parent: sent.take(turn.id) ?? null,
      at: began,
    })
    span.end({ attributes, failed: status === "failed", at })
  }

  return {
    traceCall,
    listen: (log: Pick<Log, "onTold">): Disposable =>
      log.onTold((events) => {
        for (const event of events) if (isOfTurn(event)) hear(event)
      }),
  }
}

/** Lines begin with their method: the rest, which may be long, isn't looked at. */
const isOfTurn = ({ type, body }: LoggedEvent): boolean =>
  type === "app.notification" && /"turn\/(started|completed)"/.test(body.slice(0, 200))

function turnOf(holder: unknown): { id?: unknown; status?: unknown } | undefined {
  if (typeof holder !== "object" || holder === null || !("turn" in holder)) return undefined
  const { turn } = holder
  return typeof turn === "object" && turn !== null ? turn : undefined
}

function createBook<T>() {
  const known = new Map<string, T>()
  return {
    put(key: string, value: T): void {
      known.set(key, value)
      const [oldest] = known.keys()
      if (known.size > MOST_TURNS && oldest !== undefined) known.delete(oldest)
    },
    take(key: string): T | undefined {
      const value = known.get(key)
      known.delete(key)
      return value
    },
  }
}
