import { expect, setDefaultTimeout, test } from "bun:test"
import { connect } from "node:net"
import { isFault } from "../../../src/base/fault.ts"
import { systemClock } from "../../../src/base/kit/clock.ts"
import { TIMERS } from "../../../src/base/kit/timers.ts"
import type { Peer } from "../../../src/base/platform/port.ts"
import { createEvents } from "../../../src/edge/stream/sse.ts"
import { FAMILIES } from "../../../src/edge/stream/wire/families.ts"
import { parseQuery } from "../../../src/edge/stream/wire/query.ts"
import { eventsOfScope, notification } from "./made.ts"
import { openRig, seqOf, settled } from "./rig.ts"

setDefaultTimeout(30_000)

const INVALID = '{"type":"error","message":"invalid websocket command"}'

test("a frame that is no command is answered with the error frame, and the connection stays", async () => {
  await using rig = await openRig()
  const socket = await rig.connect()
  const bad = [
    "",
    "not json",
    "null",
    "[]",
    "5",
    '{"type":"shout"}',
    '{"type":"subscribe"}',
    '{"type":"subscribe","threadId":""}',
    '{"type":"subscribe","threadId":7}',
    '{"type":"subscribe","threadId":"T1","families":["nonsense"]}',
    '{"type":"subscribe","threadId":"T1","families":"signal,toString"}',
    '{"type":"subscribe","threadId":"T1","families":7}',
  ]
  for (const text of bad) socket.send(text)
  expect(await settled(socket)).toEqual(bad.map(() => INVALID))
  await rig.tell(...eventsOfScope("thread", "T1"))
  expect((await settled(socket)).length).toBeGreaterThan(bad.length)
})

test("subscribe replaces the filter and keeps the families, unsubscribe clears the filter, both without an answer", async () => {
  await using rig = await openRig()
  const socket = await rig.connect("?families=notification")
  const other = notification("turn/started", {}, { thread: "T2" })
  const own = notification("turn/started", {}, { thread: "T1" })
  const say = async (command: object, opcode: 1 | 2 = 1) => {
    socket.send(JSON.stringify(command), opcode)
    await settled(socket)
    await rig.tell(own, other)
  }
  await rig.tell(own, other)
  await say({ type: "subscribe", threadId: "T1", extra: 1 })
  await say({ type: "subscribe", threadId: "T2", families: ["signal"] }, 2)
  await say({ type: "unsubscribe" })
  await say({ type: "subscribe", threadId: "T2", families: "" })
  const seen = (await settled(socket)).map((text) => JSON.parse(text))
  expect(seen.map(({ type, threadId }) => `${type} ${threadId}`)).toEqual([
    "notification T1",
    "notification T2",
    "notification T1",
    "app_server.turn.started T2",
    "app_server.turn.started T1",
    "app_server.turn.started T2",
    "app_server.turn.started T2",
    "notification T2",
  ])
  expect(rig.hub.stats().listeners).toEqual({ socket: 1, events: 0 })
})

test("a filtered listener that resubscribes to its own thread, as the SDK does, loses nothing", async () => {
  await using rig = await openRig()
  const socket = await rig.connect("?threadId=T1&families=notification")
  for (let i = 0; i < 50; i++) {
    const told = rig.tell(notification("turn/started", { i }))
    socket.send('{"type":"subscribe","threadId":"T1"}')
    await told
  }
  const seen = await settled(socket)
  expect(seen.map((text) => JSON.parse(text).payload.params.i)).toEqual(
    Array.from({ length: 50 }, (_, i) => i),
  )
})

test("a plain request for the websocket is 426 and says where else to go", async () => {
  await using rig = await openRig()
  const reply = await fetch(`${rig.url}/api/stream`)
  expect(reply.status).toBe(426)
  expect(reply.headers.get("upgrade")).toBe("websocket")
  expect(await reply.json()).toMatchObject({ status: "error", code: "upgrade_required" })
})

test("a family that does not exist is an invalid request on both doors", async () => {
  await using rig = await openRig()
  for (const path of ["stream", "events"]) {
    const reply = await fetch(`${rig.url}/api/${path}?families=signal,nonsense`)
    expect(reply.status).toBe(400)
    expect(await reply.json()).toMatchObject({ code: "invalid_request", issues: [{ path: ["families"] }] })
  }
  expect(() => parseQuery("http://a/?families=__proto__")).toThrow(/unknown family/)
  try {
    parseQuery("http://a/?families=x")
  } catch (error) {
    expect(isFault(error, "invalid_request")).toBe(true)
  }
  const all = parseQuery(`http://a/?families=&threadId=&since=`)
  expect(all).toEqual({ wish: { thread: null, families: 2 ** FAMILIES.length - 1 }, since: undefined })
})

test("server-sent events: an id with every frame, none that skips a replay, and Last-Event-ID wins over since", async () => {
  await using rig = await openRig()
  const before = rig.log.head()
  const source = await rig.listen("?families=notification")
  expect(source.reply.headers.get("content-type")).toStartWith("text/event-stream")
  await rig.tell(...Array.from({ length: 5 }, (_, i) => notification("turn/started", { i })))
  await source.untilCount(6)
  const ids = source.sent.map(({ id }) => id)
  expect(ids[0]).toBeUndefined()
  expect(ids.slice(1)).toEqual(source.sent.slice(1).map(({ data }) => `${rig.log.id}.${seqOf(data)}`))
  const back = await rig.listen(`?families=notification&since=${rig.log.id}.${16 * before}`, {
    "last-event-id": ids[3] ?? "",
  })
  await back.untilCount(3)
  expect(back.sent.slice(1)).toEqual(source.sent.slice(4))
  // One that has heard nothing yet comes back with the head that it was told, without an event of its own.
  const quiet = await rig.listen("?families=project")
  await rig.tell(...eventsOfScope("thread", "T1"))
  await quiet.untilCount(2)
  const fresh = await rig.listen("?families=job", { "last-event-id": "" })
  await rig.tell(notification("turn/started", {}))
  expect(fresh.lastId()).toBe(`${rig.log.id}.${16 * (rig.log.head() - 1) + 15}`)
})

test("a reader of server-sent events that lags is cut after a contiguous prefix; the others and the hub go on", async () => {
  await using rig = await openRig({ maxLagBytes: 256 * 1024 })
  const socket = await rig.connect("?families=notification")
  const slow = connect(Number(new URL(rig.url).port), "127.0.0.1")
  const got: Buffer[] = []
  const closed = new Promise<void>((resolve) => slow.on("close", () => resolve()))
  slow.on("data", (bytes) => void got.push(bytes))
  slow.on("error", () => {})
  slow.write("GET /api/events?families=notification HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
  await new Promise((resolve) => slow.once("data", resolve))
  slow.pause()
  for (let tick = 0; tick < 400 && rig.hub.stats().listeners.events > 0; tick++) {
    await rig.tell(...Array.from({ length: 60 }, () => notification("x/y", { text: "z".repeat(1_000) })))
    await settled(socket)
  }
  expect(rig.hub.stats()).toMatchObject({ cuts: 1, listeners: { socket: 1, events: 0 } })
  slow.resume()
  await closed
  const seqs = Array.from(
    Buffer.concat(got)
      .toString()
      .matchAll(/^id: \w+\.(\d+)\ndata/gm),
    (match) => Number(match[1]),
  )
  const should = (await settled(socket)).map(seqOf)
  expect(seqs.length).toBeGreaterThan(0)
  expect(seqs).toEqual(should.slice(0, seqs.length))
})

test("a reader that is cut and never reads is let go of, whoever cut it", async () => {
  await using rig = await openRig()
  const letGo: number[] = []
  const peer: Peer = {
    address: "",
    loopback: true,
    upgrade: () => false,
    holdOpen() {},
    letGo: (graceMs) => void letGo.push(graceMs),
  }
  const { hub, log } = rig
  const events = createEvents({ hub, clock: systemClock, logId: log.id, maxLagBytes: 100_000 })
  const open = () => events.openEvents(new Request("http://a/api/events?families=notification"), peer)
  const replies = [open()]
  for (let tick = 0; tick < 50; tick++) await rig.tell(notification("x/y", { text: "z".repeat(10_000) }))
  expect([hub.stats().cuts, letGo]).toEqual([1, [TIMERS.ssePartingMs]])
  replies.push(open())
  hub.close()
  expect(letGo.length).toBe(2)
  for (const { body } of replies) await body?.cancel()
})

test("a reader that goes away is forgotten", async () => {
  await using rig = await openRig()
  const source = await rig.listen()
  const socket = await rig.connect()
  expect(rig.hub.stats().listeners).toEqual({ socket: 1, events: 1 })
  source.close()
  socket.close()
  await socket.closed
  for (let i = 0; i < 1_000 && rig.hub.stats().listeners.events > 0; i++)
    await new Promise((resolve) => setImmediate(resolve))
  expect(rig.hub.stats().listeners).toEqual({ socket: 0, events: 0 })
  expect(rig.hub.stats().lost).toBe(0)
})

test("an event that makes no sense is reported and the next one still arrives", async () => {
  await using rig = await openRig()
  const socket = await rig.connect("?families=signal,session")
  await rig.tell(
    notification("a/b", {}, { body: "{not json" }),
    notification("a/b", {}, { type: "session.updated", body: "{}" }),
  )
  expect((await settled(socket)).map((text) => JSON.parse(text).type)).toEqual(["session_updated"])
  expect(rig.errors.length).toBe(1)
})

test("closing the hub ends every listener: sockets with 1012, readers at a frame's end", async () => {
  await using rig = await openRig()
  const socket = await rig.connect()
  const source = await rig.listen()
  await rig.tell(...eventsOfScope("thread", "T1"))
  rig.hub.close()
  expect(await socket.closed).toBe(1012)
  expect(await source.over).toBe("ended")
  expect(source.sent.slice(1).map(({ data }) => data)).toEqual(socket.texts.slice(1))
})
