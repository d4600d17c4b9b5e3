// Traces without a collector are nothing at all; with one that refuses them the log says so once, and nobody else notices.

import { expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { headersOf } from "../../../src/base/config/kinds/collector.ts"
import { systemClock } from "../../../src/base/kit/clock.ts"
import { createLogger, createMasks } from "../../../src/base/observe/logger.ts"
import { openOtlp } from "../../../src/base/observe/otlp.ts"
import { markOf, NO_TRACE } from "../../../src/base/observe/trace.ts"
import { openTracing } from "../../../src/flow/kept/tracing.ts"

const traceId = "0af7651916cd43dd8448eb211c80319c"
const spanId = "b7ad6b7169203331"

test("a traceparent is read as W3C says, anything else is none", () => {
  expect(markOf(`00-${traceId}-${spanId}-01`)).toEqual({ traceId, spanId, flags: 1 })
  expect(markOf(`00-${traceId}-${spanId}-02`)).toEqual({ traceId, spanId, flags: 0 })
  expect(markOf(`cc-${traceId}-${spanId}-01-later`)).toEqual({ traceId, spanId, flags: 1 })
  for (const bad of [
    undefined,
    "",
    `00-${traceId}-${spanId}-01-more`,
    `ff-${traceId}-${spanId}-01`,
    `00-${"0".repeat(32)}-${spanId}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
  ])
    expect(markOf(bad)).toBeNull()
})

test("headers for the collector", () => {
  expect(headersOf("")).toEqual({})
  expect(headersOf("authorization=Basic%20a=, x-b = 100%")).toEqual({
    authorization: "Basic a=",
    "x-b": "100%",
  })
  for (const bad of ["nothing", "a b=c", "a=b%0d%0ac"]) expect(headersOf(bad)).toBeUndefined()
})

test("without a collector nothing is made, and no file takes the packages in before they are needed", async () => {
  const given = { config: {}, clock: systemClock, version: "0" } as never
  await using tracing = await openTracing(given)
  expect([tracing.trace, tracing.traceCall]).toEqual([NO_TRACE, undefined])
  const root = join(import.meta.dir, "../../../src")
  const taken = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .flatMap((path) => readFileSync(join(root, path), "utf8").split("\n"))
    .filter((line) => line.includes("@opentelemetry/") && /^(import|export)/.test(line))
  expect(taken.length).toBeGreaterThan(0)
  expect(taken.filter((line) => !line.startsWith("import type"))).toEqual([])
})

test("a collector that refuses is said once a while; what ended, and what begins after it, stay apart", async () => {
  const lines: string[] = []
  let asked = 0
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch() {
      asked++
      return new Response("no", { status: 400 })
    },
  })
  const logger = createLogger({
    clock: systemClock,
    level: "info",
    write: (line) => void lines.push(line),
    mask: createMasks(),
  })
  const endpoint = `http://127.0.0.1:${server.port}`
  {
    await using trace = await openOtlp({ endpoint, headers: {}, version: "0", clock: systemClock, logger })
    const outer = trace.begin({ name: "outer", kind: "server", parent: null })
    trace.within(outer, () => {
      const inner = trace.begin({ name: "inner", kind: "client" })
      expect(inner.mark?.traceId).toBe(outer.mark?.traceId ?? "")
      inner.end()
      outer.end()
      const later = trace.begin({ name: "later", kind: "client" })
      expect(later.mark?.traceId).not.toBe(outer.mark?.traceId ?? "")
      later.drop()
      later.end()
      expect(trace.isUnderWay()).toBe(false)
    })
    // More than a batch holds: refused more than once.
    for (let n = 0; n < 600; n++) trace.begin({ name: "many", kind: "internal" }).end()
  }
  server.stop(true)
  expect(asked).toBeGreaterThan(1)
  expect(lines.length).toBe(1)
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: "warn", message: "traces could not be sent" })
})
