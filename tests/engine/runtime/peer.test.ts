import { describe, expect, test } from "bun:test"
import { createManualClock } from "../../../src/base/kit/manual-clock.ts"
import { createPeer } from "../../../src/engine/runtime/peer.ts"
import { createOutbox } from "../../../src/engine/runtime/protocol/outbox.ts"
import { type Message, PeerFailure, RpcError } from "../../../src/engine/runtime/protocol/wire.ts"

type Json = Record<string, unknown>

function openPeer(options: { holdWrites?: boolean; queueLimit?: number } = {}) {
  const clock = createManualClock()
  const seen: string[] = []
  const bad: string[] = []
  const faults: unknown[] = []
  const written: Json[] = []
  const gates: { resolve: () => void; reject: (error: Error) => void }[] = []
  const peer = createPeer({
    clock,
    send(text) {
      for (const line of text.split("\n").filter(Boolean)) written.push(JSON.parse(line))
      if (!options.holdWrites) return Promise.resolve()
      return new Promise((resolve, reject) => gates.push({ resolve, reject }))
    },
    onMessages: (batch: Message[]) => seen.push(`[${batch.map((m) => m.method).join(" ")}]`),
    onBadLine: (line) => bad.push(line),
    onFault: (error) => faults.push(error),
    ...(options.queueLimit !== undefined && { queueLimit: options.queueLimit }),
  })
  const hear = (...messages: (Json | string)[]) =>
    peer.receive(messages.map((m) => (typeof m === "string" ? m : JSON.stringify(m))))
  return { clock, peer, seen, bad, faults, written, gates, hear }
}

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => new Error("it did not fail"),
    (error: unknown) => error,
  )
const kindOf = async (promise: Promise<unknown>) => {
  const error = await failure(promise)
  return error instanceof PeerFailure ? error.kind : error
}
/** Lets every promise that can settle do so. */
const settle = async () => {
  for (let i = 0; i < 20; i++) await null
}
const DEADLINE = { deadlineMs: 1_000 }

describe("calls", () => {
  test("answers find their calls in whatever order they come; a result may be null", async () => {
    const { peer, hear, written } = openPeer()
    const first = peer.call("a", { x: 1 }, DEADLINE)
    const second = peer.call("b", {}, DEADLINE)
    await settle()
    expect(written).toEqual([
      { id: 1, method: "a", params: { x: 1 } },
      { id: 2, method: "b", params: {} },
    ])
    hear({ id: 2, result: null }, { id: 1, result: { y: 2 } })
    expect(await first).toEqual({ y: 2 })
    expect(await second).toBeNull()
  })

  test("the child's error reaches the caller with code, message and data", async () => {
    const { peer, hear } = openPeer()
    const call = peer.call("a", {}, DEADLINE)
    hear({ error: { code: -32600, message: "no", data: { why: 1 } }, id: 1 })
    const error = await failure(call)
    expect(error).toBeInstanceOf(RpcError)
    expect(error).toMatchObject({ code: -32600, message: "no", data: { why: 1 } })
  })

  test("a call without an answer ends at its deadline, and its late answer is counted and dropped", async () => {
    const { peer, hear, clock } = openPeer()
    const call = peer.call("a", {}, DEADLINE)
    clock.turn(1_000)
    expect(await kindOf(call)).toBe("deadline")
    hear({ id: 1, result: {} }, { id: 1, result: {} }, { id: 99, result: {} })
    expect(peer.counts()).toEqual({ late: 1, stray: 2, badLines: 0 })
  })

  test("an aborted call ends at once and tells whether its bytes may have left", async () => {
    const { peer } = openPeer()
    const controller = new AbortController()
    const call = peer.call("a", {}, { ...DEADLINE, signal: controller.signal })
    controller.abort()
    expect(await failure(call)).toMatchObject({ kind: "aborted", maybeWritten: true })
    expect(await failure(peer.call("b", {}, { ...DEADLINE, signal: controller.signal }))).toMatchObject({
      kind: "aborted",
      maybeWritten: false,
    })
  })

  test("an overloaded child is asked again, later and later, inside the deadline", async () => {
    const { peer, hear, clock, written } = openPeer()
    const overloaded = (id: number) => hear({ id, error: { code: -32001, message: "Server overloaded" } })
    const call = peer.call("a", {}, { deadlineMs: 10_000 })
    overloaded(1)
    await settle()
    expect(written.length).toBe(1)
    clock.turn(100)
    await settle()
    expect(written.length).toBe(2)
    overloaded(2)
    await settle()
    clock.turn(200)
    await settle()
    hear({ id: 3, result: "ok" })
    expect(await call).toBe("ok")
  })

  test("who stays overloaded gets its error before the deadline is over", async () => {
    const { peer, hear, clock } = openPeer()
    const call = peer.call("a", {}, { deadlineMs: 20 })
    hear({ id: 1, error: { code: -32001, message: "Server overloaded" } })
    expect(await failure(call)).toMatchObject({ code: -32001 })
    clock.turn(60_000)
  })
})

describe("messages", () => {
  test("come in order, as many as came together, and before the call whose answer follows them", async () => {
    const { peer, hear, seen } = openPeer()
    const call = peer.call("a", {}, DEADLINE).then(() => seen.push("answer"))
    hear({ method: "one", params: {} }, { id: 1, result: {} }, { method: "two" }, { method: "three" })
    await call
    expect(seen.indexOf("[one]")).toBe(0)
    expect(seen.indexOf("answer")).toBeGreaterThan(0)
    expect(seen).toContain("[two three]")
  })

  test("keep their very line and their own ids, which are apart from ours", () => {
    const got: Message[] = []
    const peer = createPeer({
      clock: createManualClock(),
      send: () => Promise.resolve(),
      onMessages: (batch) => got.push(...batch),
      onBadLine: () => undefined,
      onFault: () => undefined,
    })
    const raw = '{"method":"ask",  "id":1,"params":{"é":1}}'
    peer.receive([raw, '{"method":"told"}'])
    expect(got).toEqual([
      { kind: "request", method: "ask", params: { é: 1 }, raw, rpcId: 1 },
      { kind: "notification", method: "told", params: undefined, raw: '{"method":"told"}' },
    ])
  })

  test("lines that are no messages are counted and shown; blank ones are nothing", () => {
    const { peer, hear, bad, seen } = openPeer()
    const lines = [
      "not json",
      "[1]",
      "null",
      "7",
      '{"id":5}',
      '{"method":"m","id":null}',
      '{"id":{},"result":1}',
    ]
    hear(...lines, "", { method: "good" })
    expect(bad).toEqual(lines)
    expect(peer.counts().badLines).toBe(7)
    expect(seen).toEqual(["[good]"])
  })

  test("a hearer that throws harms neither the batch's answers nor the reader", async () => {
    const faults: unknown[] = []
    const peer = createPeer({
      clock: createManualClock(),
      send: () => Promise.resolve(),
      onMessages: () => {
        throw new Error("mine")
      },
      onBadLine: () => undefined,
      onFault: (error) => faults.push(error),
    })
    const call = peer.call("a", {}, DEADLINE)
    peer.receive(['{"method":"x"}', '{"id":1,"result":2}'])
    expect(await call).toBe(2)
    expect(faults.length).toBe(1)
  })
})

describe("requests of the child", () => {
  test("are answered once; the second answer and one to nothing are refused", async () => {
    const { peer, hear, written } = openPeer()
    hear(
      { method: "ask", id: 0, params: {} },
      { method: "ask", id: "0", params: {} },
      { method: "ask", id: 1 },
    )
    await peer.respond(0, { decision: "accept" })
    await peer.refuse("0", -32601, "unknown method")
    peer.forget(1)
    expect(written).toEqual([
      { id: 0, result: { decision: "accept" } },
      { id: "0", error: { code: -32601, message: "unknown method" } },
    ])
    expect(await kindOf(peer.respond(0, {}))).toBe("not_open")
    expect(await kindOf(peer.refuse(1, -32601, ""))).toBe("not_open")
  })
})

describe("writing", () => {
  test("one write at a time, in order; what gathers meanwhile leaves together", async () => {
    const { peer, written, gates } = openPeer({ holdWrites: true })
    const done: string[] = []
    peer.notify("a").then(() => done.push("a"))
    peer.notify("b").then(() => done.push("b"))
    peer.notify("c").then(() => done.push("c"))
    expect(written.map((m) => m.method)).toEqual(["a"])
    gates[0]?.resolve()
    await settle()
    expect(done).toEqual(["a"])
    expect(written.map((m) => m.method)).toEqual(["a", "b", "c"])
    expect(gates.length).toBe(2)
    gates[1]?.resolve()
    await settle()
    expect(done).toEqual(["a", "b", "c"])
  })

  test("a call that failed before its turn came is never written, and says so; others keep their order", async () => {
    const { peer, hear, clock, written, gates } = openPeer({ holdWrites: true })
    const controller = new AbortController()
    peer.notify("first").catch(() => undefined)
    const late = failure(peer.call("late", {}, { deadlineMs: 50 }))
    const calledOff = failure(peer.call("called off", {}, { ...DEADLINE, signal: controller.signal }))
    const kept = peer.call("kept", {}, DEADLINE)
    clock.turn(50)
    controller.abort()
    expect(await late).toMatchObject({ kind: "deadline", maybeWritten: false })
    expect(await calledOff).toMatchObject({ kind: "aborted", maybeWritten: false })
    gates[0]?.resolve()
    await settle()
    expect(written).toMatchObject([{ method: "first" }, { id: 3, method: "kept" }])
    hear({ id: 3, result: "ok" })
    expect(await kept).toBe("ok")
  })

  test("a call whose writing had begun at its deadline may have left, and says so", async () => {
    const { peer, clock } = openPeer({ holdWrites: true })
    const call = failure(peer.call("a", {}, { deadlineMs: 50 }))
    clock.turn(50)
    expect(await call).toMatchObject({ kind: "deadline", maybeWritten: true })
  })

  test("what was withdrawn takes no room of the queue", async () => {
    const { peer, clock } = openPeer({ holdWrites: true, queueLimit: 100 })
    peer.notify("first").catch(() => undefined)
    const big = failure(peer.call("big", { filler: "x".repeat(90) }, { deadlineMs: 50 }))
    expect(await kindOf(peer.notify("second", { filler: "x".repeat(50) }))).toBe("overloaded")
    clock.turn(50)
    await big
    const waits = kindOf(peer.notify("second", { filler: "x".repeat(50) }))
    peer.close("over")
    expect(await waits).toBe("gone")
  })

  test("calls are refused when too much waits for the pipe, answers to the child never", async () => {
    const { peer, hear } = openPeer({ holdWrites: true, queueLimit: 60 })
    hear({ method: "ask", id: 7 })
    peer.notify("first").catch(() => undefined)
    peer.notify("second", { filler: "x".repeat(30) }).catch(() => undefined)
    expect(await failure(peer.call("third", {}, DEADLINE))).toMatchObject({
      kind: "overloaded",
      maybeWritten: false,
    })
    const answered = peer.respond(7, {})
    peer.close("over")
    expect(await kindOf(answered)).toBe("gone")
  })
})

describe("the end", () => {
  test("every waiter is told once, with what is known of its bytes; later ones too", async () => {
    const { peer, hear, gates } = openPeer({ holdWrites: true })
    hear({ method: "ask", id: 7 })
    const written = peer.call("written", {}, DEADLINE)
    const queued = peer.call("queued", {}, DEADLINE)
    const answer = peer.respond(7, {})
    peer.close("it died")
    peer.close("again")
    gates[0]?.reject(new Error("EPIPE"))
    hear({ id: 1, result: {} }, { method: "ghost" })
    expect(await failure(written)).toMatchObject({ kind: "gone", message: "it died", maybeWritten: true })
    expect(await failure(queued)).toMatchObject({ kind: "gone", maybeWritten: false })
    expect(await failure(answer)).toMatchObject({ kind: "gone", maybeWritten: false })
    expect(await failure(peer.call("later", {}, DEADLINE))).toMatchObject({
      kind: "gone",
      maybeWritten: false,
    })
    expect(await kindOf(peer.respond(7, {}))).toBe("gone")
    expect(await kindOf(peer.notify("later"))).toBe("gone")
  })

  test("a call that waits to be repeated is told too", async () => {
    const { peer, hear } = openPeer()
    const call = peer.call("a", {}, { deadlineMs: 10_000 })
    hear({ id: 1, error: { code: -32001, message: "Server overloaded" } })
    await settle()
    peer.close("it died")
    expect(await kindOf(call)).toBe("gone")
  })
})

test("what waits behind a line that was cut off was never written, and says so at the child's end", async () => {
  const writes: { text: string; fail(error: Error): void }[] = []
  const send = (text: string) => new Promise<void>((_, reject) => void writes.push({ text, fail: reject }))
  const outbox = createOutbox(send, 100)
  const endOf = (text: string) => outbox.put(text, "always").taken.catch((error: unknown) => error)
  const [cut, behind] = [endOf("one"), endOf("two")]
  writes[0]?.fail(new Error("EPIPE"))
  expect(await cut).toMatchObject({ kind: "gone", maybeWritten: true })
  const later = endOf("three")
  outbox.close("the child exited")
  for (const end of [behind, later])
    expect(await end).toMatchObject({ kind: "gone", maybeWritten: false, message: "the child exited" })
  expect(writes.map(({ text }) => text)).toEqual(["one"])
})
