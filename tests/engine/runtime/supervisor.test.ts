// The supervisor over the fake codex program.

import { describe, expect, test } from "bun:test"
import { isFault } from "../../../src/base/fault.ts"
import { createManualClock } from "../../../src/base/kit/manual-clock.ts"
import { createProcesses } from "../../../src/base/platform/processes.ts"
import { openRuntime } from "./support.ts"

const deltas = (heard: { method: string; params: unknown }[]) =>
  heard.flatMap((m) =>
    m.method === "item/agentMessage/delta" ? [(m.params as { delta: string }).delta] : [],
  )

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => new Error("it did not fail"),
    (error: unknown) => error,
  )

describe("a well-behaved child", () => {
  test("comes up, says what it is and what it can, runs a turn, and goes", async () => {
    await using rt = openRuntime()
    expect(rt.supervisor.state()).toMatchObject({ name: "stopped", restarts: 0 })
    expect(isFault(await failure(rt.call("thread/list", {})), "runtime_unavailable")).toBe(true)
    rt.supervisor.start()
    const state = await rt.inState("ready")
    expect(state).toMatchObject({ version: "0.169.0", fallbacks: [], methods: { known: true }, restarts: 0 })
    expect(rt.supervisor.has("turn/start")).toBe(true)
    expect(rt.supervisor.has("thread/rollback")).toBe(false)
    expect(rt.runs.get(state.runId ?? "")).toMatchObject({ pid: state.pid, ended: false })
    const environ = createProcesses().environ(state.pid ?? 0)
    expect(environ?.CODEXD_RUN).toBe(`${rt.houseId}.${state.runId}`)

    const threadId = await rt.openThread()
    await rt.say(threadId, "hello there")
    await rt.message("turn/completed")
    expect(deltas(rt.heard).join("")).toBe("You said: hello there")
    for (const { raw, method, params } of rt.heard) expect(JSON.parse(raw)).toMatchObject({ method, params })

    await rt.supervisor.stop()
    expect(rt.supervisor.state()).toMatchObject({ name: "stopped" })
    expect(rt.supervisor.state().pid).toBeUndefined()
    expect(rt.exits).toMatchObject([{ expected: true, reason: "stopped" }])
    expect(rt.store.unfinished()).toEqual([])
  })

  test("its question is answered through its peer, once", async () => {
    await using rt = openRuntime()
    rt.supervisor.start()
    await rt.inState("ready")
    await rt.say(await rt.openThread(), "run: echo done")
    const { rpcId = -1 } = await rt.message("item/commandExecution/requestApproval")
    const peer = rt.supervisor.ready()
    await peer?.respond(rpcId, { decision: "accept" })
    expect(await failure(Promise.resolve(peer?.respond(rpcId, {})))).toMatchObject({ kind: "not_open" })
    await rt.message("turn/completed")
    expect(deltas(rt.heard).join("")).toContain("exit 0):\ndone")
  })

  test("its methods are learned once per binary", async () => {
    await using rt = openRuntime({
      methodCache: { get: () => ["only/this"], put: () => expect.unreachable() },
    })
    rt.supervisor.start()
    expect((await rt.inState("ready")).methods).toEqual({ known: true, count: 1 })
    expect(rt.supervisor.has("only/this")).toBe(true)
  })
})

describe("a child that misbehaves in what it says", () => {
  test("characters split between two writes stay whole", async () => {
    await using rt = openRuntime({ mischief: "split-utf8" })
    rt.supervisor.start()
    await rt.inState("ready")
    const text = "grüße 你好 👩‍👩‍👧 ".repeat(50)
    await rt.say(await rt.openThread(), text)
    await rt.message("turn/completed")
    expect(deltas(rt.heard).join("")).toBe(`You said: ${text}`)
    expect(rt.supervisor.state().unreadableLines).toBe(0)
  })

  test("garbage is counted, complained of once, and skipped", async () => {
    await using rt = openRuntime({ mischief: "garbage" })
    rt.supervisor.start()
    await rt.inState("ready")
    await rt.openThread()
    expect(rt.supervisor.state().unreadableLines).toBe(12)
    expect(rt.logged.filter((l) => l.message.includes("no message")).length).toBe(1)
  })

  test("answers given twice settle their call once and are counted", async () => {
    await using rt = openRuntime({ mischief: "answer-twice" })
    rt.supervisor.start()
    await rt.inState("ready")
    await rt.openThread()
    await rt.call("thread/loaded/list", {})
    expect(rt.supervisor.ready()?.counts().stray).toBeGreaterThanOrEqual(3)
  })

  test("an overloaded child is asked again", async () => {
    await using rt = openRuntime({ mischief: "overloaded=3" })
    rt.supervisor.start()
    await rt.inState("ready")
    expect(await rt.call("thread/loaded/list", {})).toEqual({ data: [], nextCursor: null })
  })

  test("a call that it never answers ends at its deadline, and the child lives on", async () => {
    await using rt = openRuntime({ mischief: "silent-on=thread/list" })
    rt.supervisor.start()
    await rt.inState("ready")
    expect(await failure(rt.call("thread/list", {}, 20))).toMatchObject({ kind: "deadline" })
    expect(await rt.call("thread/loaded/list", {})).toMatchObject({ data: [] })
  })

  test("without the experimental API it works, and the state says so", async () => {
    await using rt = openRuntime({ mischief: "refuse-experimental" })
    rt.supervisor.start()
    const { fallbacks } = await rt.inState("ready")
    expect(fallbacks).toEqual([expect.stringContaining("experimental")])
    expect(rt.supervisor.quirks().stableOnly).toBe(true)
    await rt.openThread()
  })

  test("a binary that doesn't tell its methods is ready, with its methods unknown", async () => {
    await using rt = openRuntime({ mischief: "mute" })
    rt.supervisor.start()
    const state = await rt.inState("ready")
    expect(state.methods).toEqual({ known: false, count: 0 })
    expect(rt.supervisor.has("turn/start")).toBeUndefined()
    expect(rt.learned.size).toBe(0)
  })

  test("a line over the limit fails that child, not the daemon: another one starts", async () => {
    await using rt = openRuntime({ mischief: "huge-line=300000", lineLimitBytes: 200_000 })
    rt.supervisor.start()
    await rt.inState("ready")
    await rt.say(await rt.openThread(), "big")
    const exit = await rt.until("its end", () => rt.exits[0])
    expect(exit).toMatchObject({ expected: false, reason: "a line of the child is longer than 200000 bytes" })
    await rt.inState("ready")
    expect(rt.supervisor.state().restarts).toBe(1)
  })

  test("a huge line under the limit arrives whole", async () => {
    await using rt = openRuntime({ mischief: "huge-line=3000000" })
    rt.supervisor.start()
    await rt.inState("ready")
    await rt.say(await rt.openThread(), "big")
    await rt.message("turn/completed")
    expect(deltas(rt.heard)[0]?.length).toBe(3_000_000)
  })

  test("a flood arrives complete and in order", async () => {
    await using rt = openRuntime({ mischief: "flood=20000" })
    rt.supervisor.start()
    await rt.inState("ready")
    await rt.say(await rt.openThread(), "go")
    await rt.message("turn/completed")
    expect(deltas(rt.heard).map((d) => Number(d.split(" ")[0]))).toEqual(
      Array.from({ length: 20_000 }, (_, i) => i),
    )
  })

  test("much on stderr is kept only at its end, and line by line for who listens", async () => {
    let lines = 0
    await using rt = openRuntime({
      mischief: "stderr-bytes=1000000,exit-on=thread/list",
      onStderr: () => {
        lines++
      },
    })
    rt.supervisor.start()
    await rt.inState("ready")
    await failure(rt.call("thread/list", {}))
    const exit = await rt.until("its end", () => rt.exits[0])
    expect(exit.stderrTail.length).toBe(64 * 1024)
    expect(lines).toBe(10_000)
  })
})

describe("a child that dies", () => {
  test("mid-line: the whole lines before arrive, waiters are told, the next child comes", async () => {
    await using rt = openRuntime({ mischief: "die-mid-line" })
    rt.supervisor.start()
    const first = await rt.inState("ready")
    await rt.say(await rt.openThread(), "go")
    const exit = await rt.until("its end", () => rt.exits[0])
    expect(exit).toMatchObject({ code: 1, signal: null, expected: false })
    expect(deltas(rt.heard)).toEqual(["whole "])
    const again = await rt.inState("ready")
    expect(again.pid).not.toBe(first.pid)
    expect(again).toMatchObject({ restarts: 1, lastExit: { code: 1 }, unreadableLines: 1 })
    const names = rt.states.map((s) => s.name).filter((name, at, all) => name !== all[at - 1])
    expect(names).toEqual(["starting", "ready", "waiting", "starting", "ready"])
  })

  test("instead of answering: the call is rejected once, as gone", async () => {
    await using rt = openRuntime({ mischief: "exit-on=thread/list" })
    rt.supervisor.start()
    await rt.inState("ready")
    expect(await failure(rt.call("thread/list", {}))).toMatchObject({ kind: "gone", maybeWritten: true })
    await rt.until("its end", () => rt.exits[0]?.code === 3)
  })

  test("with last words: they are heard before the end is told", async () => {
    await using rt = openRuntime({ mischief: "last-words" })
    rt.supervisor.start()
    await rt.inState("ready")
    const threadId = await rt.openThread()
    await rt.say(threadId, "hang:")
    let heardAtExit: string[] = []
    rt.supervisor.onExit(() => {
      heardAtExit = rt.heard.map((m) => m.method)
    })
    await rt.call("turn/interrupt", { threadId })
    await rt.until("its end", () => rt.exits[0])
    expect(heardAtExit).toContain("warning")
  })

  test("by kill -9 while it waits for an answer: the next one runs, the old peer is closed", async () => {
    await using rt = openRuntime()
    rt.supervisor.start()
    const { pid = 0 } = await rt.inState("ready")
    const peer = rt.supervisor.ready()
    await rt.say(await rt.openThread(), "run: echo never")
    const { rpcId = -1 } = await rt.message("item/commandExecution/requestApproval")
    process.kill(pid, "SIGKILL")
    await rt.until("its end", () => rt.exits[0]?.signal === "SIGKILL")
    expect(await failure(Promise.resolve(peer?.respond(rpcId, {})))).toMatchObject({
      kind: "gone",
      maybeWritten: false,
    })
    await rt.inState("ready")
  })
})

describe("starting and stopping", () => {
  test("a start that hangs is killed at its deadline, with the reason", async () => {
    const clock = createManualClock()
    await using rt = openRuntime({ mischief: "hang-initialize", clock })
    rt.supervisor.start()
    await rt.until("the spawn", () => [...rt.runs.values()][0]?.pid)
    clock.turn(20_000)
    const exit = await rt.until("its end", () => rt.exits[0])
    expect(exit).toMatchObject({ expected: false, reason: expect.stringContaining("20000 ms") })
    expect(rt.supervisor.state()).toMatchObject({
      name: "waiting",
      reason: expect.stringContaining("20000 ms"),
    })
  })

  test("a child that ignores TERM is killed", async () => {
    await using rt = openRuntime({ mischief: "ignore-term" })
    rt.supervisor.start()
    await rt.inState("ready")
    await rt.supervisor.stop({ graceMs: 50 })
    expect(rt.exits).toMatchObject([{ signal: "SIGKILL", expected: true }])
  })

  test("stopped while it starts, nothing is left; it can be started again", async () => {
    await using rt = openRuntime()
    rt.supervisor.start()
    await rt.supervisor.stop({ graceMs: 0 })
    expect(rt.supervisor.state().name).toBe("stopped")
    expect(rt.store.unfinished()).toEqual([])
    rt.supervisor.start()
    await rt.inState("ready")
  })

  test("without a binary it is broken and says how to get one; a probe finds it later", async () => {
    const clock = createManualClock()
    let there = false
    const program = async () =>
      there ? { command: [`${import.meta.dirname}/../../fakes/codex`, "app-server"] } : undefined
    await using rt = openRuntime({ program, clock })
    rt.supervisor.start()
    const state = await rt.inState("broken")
    expect(state).toMatchObject({ reason: "there is no codex: install it", retryAt: expect.any(Number) })
    expect(await failure(rt.call("thread/list", {}))).toMatchObject({
      message: expect.stringContaining("install"),
    })
    there = true
    clock.turn(60_000)
    expect((await rt.inState("ready")).reason).toBeUndefined()
  })

  test("a file that can't be started counts as a crash, with its reason", async () => {
    await using rt = openRuntime({ program: async () => ({ command: ["/nowhere/codex", "app-server"] }) })
    rt.supervisor.start()
    expect(await rt.inState("waiting")).toMatchObject({ reason: expect.stringContaining("can't be started") })
    expect(rt.store.unfinished()).toEqual([])
  })

  test("five crashes in a minute are broken; a probe a minute goes on, and brings it back", async () => {
    const clock = createManualClock()
    await using rt = openRuntime({ mischief: "crash-on-start=6", clock, random: () => 0 })
    rt.supervisor.start()
    for (const [done, waitMs] of [250, 500, 1_000, 2_000].entries()) {
      await rt.until(`crash ${done + 1}`, () => rt.exits.length === done + 1)
      expect(rt.supervisor.state().name).toBe("waiting")
      expect((rt.supervisor.state().retryAt ?? 0) - clock.now()).toBe(waitMs)
      clock.turn(waitMs)
    }
    await rt.until("crash 5", () => rt.exits.length === 5)
    expect(rt.supervisor.state()).toMatchObject({ name: "broken", lastExit: { code: 7 } })
    clock.turn(60_000)
    await rt.until("crash 6", () => rt.exits.length === 6)
    expect(rt.supervisor.state().name).toBe("broken")
    clock.turn(60_000)
    await rt.inState("ready")
  })
})
