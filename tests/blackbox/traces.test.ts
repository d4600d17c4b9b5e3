// A message's way as a collector sees it, on both runtimes: request, call, turn. A collector that never answers and one that
// isn't there disturb nobody, not even the end.

import { describe, expect, test } from "bun:test"
import { strict as assert } from "node:assert"
import { openCollector } from "../fakes/collector.ts"
import { ask } from "../support/client.ts"
import { COMMANDS, codexBin } from "../support/daemon.ts"
import { openWorld } from "./vertical-suite.ts"
import { ended, hear, newSession, runTurn } from "./world.ts"

const NET_MS = 60_000
const CALLER = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" }
const QUIET = "1af7651916cd43dd8448eb211c80319c"
const traceparent = (traceId: string, flags: string) => `00-${traceId}-${CALLER.spanId}-${flags}`

const world = (form: "bun" | "node", endpoint: string) => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: "x-key=colour%20blue" }
  return openWorld({ command: COMMANDS[form], codexBin: codexBin("0.169.0"), env }, "0.169.0")
}

describe.each(["bun", "node"] as const)("on %s", (form) => {
  test(
    "the spans of a message belong together",
    async () => {
      using collector = await openCollector()
      await using house = await world(form, `${collector.url}/`)
      const session = await newSession(house)
      const listener = await hear(house, `threadId=${session}`)
      const say = async (text: string, header: string) => {
        const more = { json: { text }, headers: { traceparent: header } }
        const { status, body } = await ask(house.daemon.url, `/api/sessions/${session}/messages`, more)
        assert.equal(status, 202, JSON.stringify(body))
        const turnId = String(body.turnId)
        await ended(listener, turnId)
        return turnId
      }
      const turnId = await say("echo: prompt of the test", traceparent(CALLER.traceId, "01"))
      await say("echo: not sampled", traceparent(QUIET, "00"))
      assert.equal((await house.daemon.end("SIGTERM")).code, 0)

      const { spans } = collector
      const ours = spans.filter(({ traceId }) => traceId === CALLER.traceId)
      const one = (name: string) => {
        const [found, ...more] = ours.filter((span) => span.name === name)
        assert.ok(found && more.length === 0, `${name}: ${JSON.stringify(ours.map((span) => span.name))}`)
        return found
      }
      const request = one("POST /api/sessions/:sessionId/messages")
      const call = one("turn/start")
      const turn = one("turn")
      expect([request.parentSpanId, call.parentSpanId, turn.parentSpanId]).toEqual([
        CALLER.spanId,
        request.spanId,
        call.spanId,
      ])
      expect(request.attributes).toMatchObject({
        "http.request.method": "POST",
        "http.route": "/api/sessions/:sessionId/messages",
        "http.response.status_code": 202,
      })
      expect(call.attributes).toEqual({ "rpc.system": "jsonrpc", "rpc.method": "turn/start" })
      expect(turn.attributes).toEqual({
        "codexd.turn.id": turnId,
        "codexd.turn.status": "completed",
        "codexd.session.id": session,
      })
      expect(BigInt(turn.endTimeUnixNano) >= BigInt(turn.startTimeUnixNano)).toBe(true)

      const made = spans.find(({ name }) => name === "POST /api/sessions")
      assert.ok(made)
      expect([made.traceId === CALLER.traceId, made.parentSpanId ?? ""]).toEqual([false, ""])
      expect(spans.some(({ traceId }) => traceId === QUIET)).toBe(false)
      expect(spans.filter(({ name }) => /health|thread\/list/.test(name))).toEqual([])
      expect(collector.resources[0]).toEqual({ "service.name": "codexd", "service.version": "0.1.0" })
      expect(collector.asked[0]).toEqual({ path: "/v1/traces", key: "colour blue" })
      expect(collector.text()).not.toMatch(/prompt of the test|not sampled/)
    },
    NET_MS,
  )
})

test(
  "a collector that never answers, or isn't there, disturbs nobody",
  async () => {
    using mute = await openCollector({ answers: false })
    const gone = await openCollector()
    gone[Symbol.dispose]()
    for (const { url } of [mute, gone]) {
      await using house = await world("bun", url)
      const { end } = await runTurn(house, await newSession(house), "echo: hello")
      expect(end.payload.params?.turn?.status).toBe("completed")
      assert.equal((await house.daemon.end("SIGTERM")).code, 0)
      expect(house.daemon.said()).toContain("codexd has stopped")
    }
    expect(mute.spans.length).toBeGreaterThan(0)
  },
  NET_MS,
)
