import { expect, setDefaultTimeout, test } from "bun:test"
import fc from "fast-check"
import type { LoggedEvent } from "../../../src/base/events/event.ts"
import { signalName } from "../../../src/base/kit/signal-name.ts"
import { ALL_FAMILIES } from "../../../src/edge/stream/wire/families.ts"
import { createFraming, FRAMES } from "../../../src/edge/stream/wire/frames.ts"
import { readRawLine, usualHead } from "../../../src/edge/stream/wire/raw-line.ts"
import { event, notification } from "./made.ts"

setDefaultTimeout(30_000)

const logged = (made: object): LoggedEvent =>
  ({ n: 3, at: 1_700_000_000_123, stored: true, ...made }) as LoggedEvent
const framesOf = (made: object) =>
  createFraming()
    .framesOf(logged(made), ALL_FAMILIES)
    .map((frame) => JSON.parse(frame.text()))

test("names of signals follow the rule of the contract", () => {
  const names: [string, string][] = [
    ["turn/started", "turn.started"],
    ["thread/tokenUsage/updated", "thread.token_usage.updated"],
    ["mcpServer/oauthLogin/completed", "mcp_server.oauth_login.completed"],
    ["codex/event/agent_message_content_delta", "codex.event.agent_message_content_delta"],
    ["item/fileChange/requestApproval", "item.file_change.request_approval"],
    ["execCommandApproval", "exec_command_approval"],
    ["MCPServer/x", "mcp_server.x"],
    ["a//b", "a.unknown.b"],
    [" --weird  name-- /9Lives2Go", "weird_name.9_lives2_go"],
    ["", "unknown"],
  ]
  for (const [method, name] of names) expect(signalName(method)).toBe(name)
})

test("params are read from every line as parsing would read them", () => {
  const value = fc.jsonValue({ noUnicodeString: false })
  const params = fc.oneof(fc.dictionary(fc.string(), value), value)
  const shape = fc.record(
    {
      method: fc.oneof(fc.string(), fc.constant("item/agentMessage/delta")),
      params,
      emittedAtMs: fc.nat(),
      id: value,
      zeta: value,
    },
    { requiredKeys: ["method"] },
  )
  const order = fc.shuffledSubarray(["method", "params", "emittedAtMs", "id", "zeta"], { minLength: 5 })
  const usual = ["method", "params", "emittedAtMs", "id", "zeta"]
  fc.assert(
    fc.property(shape, fc.oneof(order, fc.constant(usual)), (made, keys) => {
      const message = Object.fromEntries(
        Object.entries(made).sort((a, b) => keys.indexOf(a[0]) - keys.indexOf(b[0])),
      )
      const line = JSON.stringify(message)
      const read = readRawLine(line)
      expect(read.method).toBe(message.method as string)
      for (const method of [read.method, "item/agentMessage/delta", 'a","params":{'])
        expect(readRawLine(line, { method, head: usualHead(method) })).toEqual(read)
      const again = JSON.parse(line) as { params?: unknown }
      expect(read.params === undefined ? undefined : JSON.parse(read.params)).toEqual(again.params)
    }),
    { numRuns: 3_000 },
  )
})

test("params are sliced, not printed anew: numbers and escapes stay as the child wrote them", () => {
  for (const tail of ["", ',"emittedAtMs":1700000000123']) {
    const text =
      '{"threadId":"T1","big":12345678901234567890,"text":"\\u00e4 }},\\"x","list":[{"a":1},{"b":2}]}'
    expect(readRawLine(`{"method":"a/b","params":${text}${tail}}`)).toEqual({ method: "a/b", params: text })
  }
})

test("every event's last frame has index 15, and a lower index belongs to one type", () => {
  const indexes = Object.values(FRAMES).map((kinds) => kinds.map(({ index }) => index))
  for (const own of indexes) expect([own.at(-1), own]).toEqual([15, own.toSorted((a, b) => a - b)])
  const lower = indexes.flat().filter((index) => index < 15)
  expect(lower).toEqual([...new Set(lower)])
})

test("a notification has its signal, its alias and the raw line, with fixed indexes", () => {
  const [signal, alias, raw] = framesOf(notification("turn/plan/updated", { threadId: "T1", plan: [] }))
  expect(signal).toEqual({
    type: "app_server.turn.plan.updated",
    threadId: "T1",
    seq: 48,
    at: "2023-11-14T22:13:20.123Z",
    payload: {
      source: "app_server",
      signalType: "notification",
      eventType: "app_server.turn.plan.updated",
      method: "turn/plan/updated",
      receivedAt: "2023-11-14T22:13:20.123Z",
      context: { threadId: "T1", turnId: "turn-1" },
      params: { threadId: "T1", plan: [] },
      session: { id: "T1", title: "Grüße", projectId: null },
    },
  })
  expect(alias).toMatchObject({ type: "turn_plan_updated", seq: 49, payload: { threadId: "T1", plan: [] } })
  expect(raw).toMatchObject({
    type: "notification",
    seq: 63,
    payload: { method: "turn/plan/updated", params: { threadId: "T1", plan: [] } },
  })
})

test("a notification without params: null in the signal, {} in the alias", () => {
  const [signal, alias, raw] = framesOf(
    event("app.notification", { body: '{"method":"account/updated"}', thread: null }),
  )
  expect(signal).toMatchObject({
    threadId: null,
    payload: { params: null, session: null, context: { turnId: null } },
  })
  expect(alias).toMatchObject({ type: "account_updated", payload: {} })
  expect(raw.payload).toEqual({ method: "account/updated" })
})

test("a request's signal carries our own id", () => {
  const body = '{"method":"item/fileChange/requestApproval","id":0,"params":{"threadId":"T1"}}'
  const [signal, ...more] = framesOf(event("app.request", { body, context: '{"requestId":"own-1","id":0}' }))
  expect(more).toEqual([])
  expect(signal.type).toBe("app_server.request.item.file_change.request_approval")
  expect(signal.payload).toMatchObject({
    signalType: "request",
    requestId: "own-1",
    params: { threadId: "T1" },
  })
})

test("the table is closed: an event of an unknown type has no frame, and no index is used twice", () => {
  expect(framesOf(event("constructor"))).toEqual([])
  expect(framesOf(event("something.else"))).toEqual([])
  for (const kinds of Object.values(FRAMES)) {
    const indexes = kinds.map(({ index }) => index)
    expect(new Set(indexes).size).toBe(indexes.length)
    expect(Math.max(...indexes)).toBeLessThan(16)
  }
})
