// Spans sent to a collector by OTLP over HTTP. The packages are loaded when this is opened, by nobody else. What can't be
// sent is dropped, and said at most once a minute; nobody ever waits for the collector but the end, and that not for long.

import type { Context, SpanContext } from "@opentelemetry/api"
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-base"
import type { Clock } from "../kit/clock.ts"
import { createCurrent } from "../platform/current.ts"
import type { Logger } from "./logger.ts"
import type { Mark, Span, Trace } from "./trace.ts"

export interface OtlpNeeds {
  /** The base: `/v1/traces` is put behind it. */
  endpoint: string
  headers: Record<string, string>
  version: string
  clock: Clock
  logger: Logger
}

const MOST_WAITING = 2_048
const BATCH = 256
const EVERY_MS = 2_000
const SEND_MS = 5_000
/** What the last batch gets when the daemon stops. */
const LAST_MS = 2_000
const SAY_MS = 60_000
const LONGEST = 200

export async function openOtlp(needs: OtlpNeeds): Promise<Trace & AsyncDisposable> {
  const [api, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import("@opentelemetry/api"),
    import("@opentelemetry/sdk-trace-base"),
    import("@opentelemetry/exporter-trace-otlp-http"),
    import("@opentelemetry/resources"),
  ])
  const { endpoint, headers, version, clock } = needs
  const url = `${endpoint.replace(/\/+$/, "")}/v1/traces`
  const exporter = spoken(new OTLPTraceExporter({ url, headers, timeoutMillis: SEND_MS }), needs)
  const provider = new sdk.BasicTracerProvider({
    resource: resourceFromAttributes({ "service.name": "codexd", "service.version": version }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.AlwaysOnSampler() }),
    spanLimits: { attributeValueLengthLimit: LONGEST },
    spanProcessors: [
      new sdk.BatchSpanProcessor(exporter, {
        maxQueueSize: MOST_WAITING,
        maxExportBatchSize: BATCH,
        scheduledDelayMillis: EVERY_MS,
        exportTimeoutMillis: 2 * SEND_MS,
      }),
    ],
  })
  const tracer = provider.getTracer("codexd", version)
  const { SpanKind, SpanStatusCode, ROOT_CONTEXT } = api
  const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL }
  const current = createCurrent<Span>()
  const open = new WeakSet<Span>()

  const underWay = (): Mark | undefined => {
    const span = current.get()
    return span && open.has(span) ? span.mark : undefined
  }
  const under = (mark: Mark | null | undefined): Context =>
    mark ? api.trace.setSpanContext(ROOT_CONTEXT, placeOf(mark)) : ROOT_CONTEXT

  return {
    begin({ name, kind, parent = underWay(), attributes = {}, at }) {
      const options = { kind: kinds[kind], attributes, ...(at !== undefined && { startTime: at }) }
      const told = tracer.startSpan(name.slice(0, LONGEST), options, under(parent))
      const { traceId, spanId, traceFlags } = told.spanContext()
      const span: Span = {
        mark: { traceId, spanId, flags: traceFlags },
        end(ended = {}) {
          if (!open.delete(span)) return
          if (ended.name !== undefined) told.updateName(ended.name.slice(0, LONGEST))
          told.setAttributes(ended.attributes ?? {})
          if (ended.failed) told.setStatus({ code: SpanStatusCode.ERROR })
          told.end(ended.at)
        },
        drop: () => void open.delete(span),
      }
      open.add(span)
      return span
    },
    within: (span, work) => current.run(span, work),
    isUnderWay: () => underWay() !== undefined,
    async [Symbol.asyncDispose]() {
      const { promise, resolve } = Promise.withResolvers<void>()
      using _net = clock.after(LAST_MS, resolve)
      // The net's timer keeps nobody alive, the request to the collector does.
      await Promise.race([provider.shutdown().catch(() => {}), promise])
    },
  }
}

const placeOf = ({ traceId, spanId, flags }: Mark): SpanContext => ({ traceId, spanId, traceFlags: flags })

/** The exporter, its failures said in the log now and then and kept from everybody else. */
function spoken(exporter: SpanExporter, { clock, logger }: OtlpNeeds): SpanExporter {
  let lost = 0
  let saidAt: number | undefined
  const say = (spans: ReadableSpan[], error: Error | undefined) => {
    lost += spans.length
    const now = clock.mono()
    if (saidAt !== undefined && now - saidAt < SAY_MS) return
    saidAt = now
    logger.warn("traces could not be sent", { lost, reason: (error?.message ?? "").slice(0, LONGEST) })
    lost = 0
  }
  return {
    export(spans, done) {
      exporter.export(spans, ({ code, error }) => {
        if (code !== 0) say(spans, error)
        done({ code: 0 })
      })
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  }
}
