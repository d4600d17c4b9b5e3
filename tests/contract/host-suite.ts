// What the engine of extensions promises, with real hosts and threads. Runtime-neutral: run by host.test.ts on Bun and
// host.node.ts on Node.

import assert from "node:assert/strict"
import type { Platform } from "../../src/base/platform/port.ts"
import { manifestOf, type OpenHostSpec, openHost, type Sources } from "../support/extensions.ts"

export interface HostSuiteNeeds {
  test(name: string, run: () => Promise<void>): void
  platform: Platform
}

const handler = (body: string, options = "{}", type = "a"): string =>
  `export function registerAgentEvents(r) { r.on(${JSON.stringify(type)}, async (event, tools) => {${body}}, ${options}) }`

const QUIET = handler("return { kind: 'handler_result', details: event.payload }")

export function hostSuite({ test, platform }: HostSuiteNeeds): void {
  const open = (sources: Sources, more: Partial<OpenHostSpec> = {}) =>
    openHost({ platform, sources, ...more })

  test("handlers run by priority, then module name, then registration, and each result is one of four envelopes", async () => {
    const two = `
      export default { registerAgentEvents(r) {
        r.on("a", () => "text", { priority: 7.9 })
        r.on("a", () => null, { priority: 7 })
        r.on("a", async (e, tools) => tools.enqueueJob({ type: "t", projectId: "p", payload: {} }), { priority: 200 })
      } }`
    const one = `
      export default function (r) {
        r.on("a", () => { throw new Error("no") }, { priority: 7 })
        r.on("a", () => ({ kind: "handler_result", details: { x: 1 } }))
        r.on("a", () => ({ kind: "action_result", actionType: "x", status: "performed" }))
      }`
    await using rig = await open({ two: { events: two }, one: { events: one } })
    assert.deepEqual(await rig.emit("a"), [
      { kind: "handler_error", moduleName: "one", eventType: "a", error: "no" },
      { kind: "handler_result", moduleName: "two", details: { value: "text" } },
      { kind: "handler_result", moduleName: "two" },
      { kind: "handler_result", moduleName: "one", details: { x: 1 } },
      {
        kind: "action_result",
        moduleName: "one",
        actionType: "x",
        status: "invalid",
        details: { code: "direct_action_result_disallowed" },
      },
      {
        kind: "enqueue_result",
        moduleName: "two",
        status: "enqueued",
        job: { type: "t", projectId: "p", payload: {} },
      },
    ])
    assert.deepEqual(await rig.emit("nobody hears it"), [])
  })

  test("the first action that is performed wins, later ones are not eligible", async () => {
    const asks = (key: string) =>
      handler(
        `return { kind: "action_request", actionType: "x.do", payload: { of: "${key}" }, idempotencyKey: "${key}", requestId: "r" }`,
      )
    await using rig = await open({ one: { events: asks("k1") }, two: { events: asks("k2") } })
    const [first, second] = await rig.emit("a")
    assert.deepEqual(first, {
      kind: "action_result",
      moduleName: "one",
      actionType: "x.do",
      status: "performed",
      requestId: "r",
      idempotencyKey: "k1",
      details: { payload: { of: "k1" } },
    })
    assert.deepEqual(second, {
      kind: "action_result",
      moduleName: "two",
      actionType: "x.do",
      status: "not_eligible",
      requestId: "r",
      idempotencyKey: "k2",
      details: { code: "action_winner_already_selected", winnerModuleName: "one", winnerActionType: "x.do" },
    })
    assert.equal(rig.performed.length, 1)
    assert.deepEqual(rig.performed[0]?.actor, { kind: "extension", name: "one" })
  })

  test("an undeclared action is refused where trust is enforced, and an undeclared event keeps the module out", async () => {
    const asks = handler(`return { kind: "action_request", actionType: "x.do", payload: {} }`)
    const sources = {
      good: { events: asks, manifest: manifestOf("good", { capabilities: { events: ["a"], actions: [] } }) },
      bad: { events: asks, manifest: manifestOf("bad", { capabilities: { events: ["b"] } }) },
    }
    await using strict = await open(sources, { trustMode: "enforced" })
    assert.deepEqual(strict.host.names(), ["good"])
    assert.equal(strict.host.inventory().errors[0]?.code, "trust_denied")
    const [answer] = await strict.emit("a")
    assert.ok(answer?.kind === "action_result" && answer.status === "forbidden")
    assert.deepEqual(answer.details, { code: "undeclared_capability" })
    await using lenient = await open(sources)
    assert.deepEqual(lenient.host.names(), ["bad", "good"])
    assert.equal(lenient.host.inventory().modules[0]?.trust.status, "accepted_with_warnings")
    assert.equal(lenient.performed.length, 0)
    const [first] = await lenient.emit("a")
    assert.ok(first?.kind === "action_result" && first.status === "performed")
  })

  test("tools answer while their handler runs and close when its time is over; what comes later is refused and counted", async () => {
    const late = `
      let kept
      export function registerAgentEvents(r) {
        r.on("a", async (event, tools) => [await tools.getSessionSettings("s"), await tools.getSessionSetting("s", "k")])
        r.on("slow", (event, tools) => { kept = tools; return new Promise(() => {}) }, { timeoutMs: 30 })
        r.on("then", async () => kept.enqueueJob({ type: "t", projectId: "p", payload: {} }).then(() => "open", (e) => e.message))
      }`
    await using rig = await open({ one: { events: late } })
    assert.deepEqual(await rig.emit("a"), [
      { kind: "handler_result", moduleName: "one", details: { value: [{ of: "s" }, "s.k"] } },
    ])
    assert.deepEqual(await rig.emit("slow"), [
      {
        kind: "handler_error",
        moduleName: "one",
        eventType: "slow",
        error: "the handler took longer than 30 ms",
      },
    ])
    const [then] = await rig.emit("then")
    assert.ok(then?.kind === "handler_result")
    assert.match(JSON.stringify(then.details), /time is over/)
    const health = rig.health("one")
    assert.equal(health.timedOut, 1)
    assert.equal(health.refusedLate, 1)
    assert.equal(health.handled, 2)
    assert.equal(health.restarts, 0, "a loop that turns is not ended")
  })

  test("a loop without end is ended at its limit; its neighbour in the host does not notice, and it is back at once", async () => {
    const hangs = handler("if (event.payload.hang) for (;;); return 'well'", "{ timeoutMs: 100 }")
    await using rig = await open({ hangs: { events: hangs }, quiet: { events: QUIET } })
    const [pid] = rig.host.pids()
    const [hung, fine] = await rig.emit("a", { hang: true })
    assert.deepEqual(hung, {
      kind: "handler_error",
      moduleName: "hangs",
      eventType: "a",
      error: "the handler took longer than 100 ms",
    })
    assert.equal(fine?.kind, "handler_result")
    const [again] = await rig.emit("a", {})
    assert.deepEqual(again, { kind: "handler_result", moduleName: "hangs", details: { value: "well" } })
    assert.deepEqual(rig.host.pids(), [pid], "the host lives")
    assert.equal(rig.health("hangs").restarts, 1)
    assert.equal(rig.health("quiet").restarts, 0)
  })

  test("a hang that no thread survives costs the host; the one that caused it gets a host of its own", async () => {
    const native = `
      import { execSync } from "node:child_process"
      ${handler("if (event.payload.hang) execSync('sleep 30'); return 'well'", "{ timeoutMs: 100 }")}`
    await using rig = await open({ native: { events: native }, quiet: { events: QUIET } })
    const [pid] = rig.host.pids()
    const answers = await rig.emit("a", { hang: true })
    assert.equal(answers[0]?.kind, "handler_error")
    assert.equal(answers[1]?.kind, "handler_result", "the event goes on in the new host")
    const [again] = await rig.emit("a", {})
    assert.deepEqual(again, { kind: "handler_result", moduleName: "native", details: { value: "well" } })
    const pids = rig.host.pids()
    assert.equal(pids.length, 2)
    assert.ok(!pids.includes(pid ?? 0))
    // Alone now: its next hang costs nobody else anything.
    const before = rig.health("quiet").restarts
    await rig.emit("a", { hang: true })
    assert.equal(rig.health("quiet").restarts, before)
  })

  test("an extension that keeps hanging is quarantined, says why, and a reload forgives it", async () => {
    const hangs = handler("for (;;);", "{ timeoutMs: 30 }")
    await using rig = await open({ hangs: { events: hangs } })
    for (let n = 0; n < 3; n++) await rig.emit("a")
    assert.match(rig.health("hangs").quarantined ?? "", /3 times/)
    const [answer] = await rig.emit("a")
    assert.ok(answer?.kind === "handler_error")
    assert.match(answer.error, /quarantined/)
    rig.shelf.write({ hangs: { events: QUIET } })
    assert.equal((await rig.host.reload()).result, "loaded")
    assert.equal(rig.health("hangs").quarantined, null)
    assert.equal((await rig.emit("a"))[0]?.kind, "handler_result")
  })

  test("an end of the whole host is held against those that ran; the innocent one goes on", async () => {
    const kills = handler(
      "if (event.payload.kill) process.kill(process.pid, 'SIGKILL'); return 'well'",
      "{ timeoutMs: 5000 }",
    )
    await using rig = await open({ kills: { events: kills }, quiet: { events: QUIET } })
    for (let n = 0; n < 2; n++) {
      const answers = await rig.emit("a", { kill: true })
      assert.equal(answers[0]?.kind, "handler_error")
      assert.equal(answers[1]?.kind, "handler_result")
    }
    assert.ok(rig.health("quiet").restarts <= 1)
    assert.equal(rig.health("quiet").quarantined, null)
    await rig.emit("a", { kill: true })
    await rig.emit("a", { kill: true })
    assert.notEqual(rig.health("kills").quarantined, null)
    assert.equal((await rig.emit("a"))[1]?.kind, "handler_result")
  })

  test("memory without end costs the host that holds it", async () => {
    const grows = handler(
      "const all = []; for (;;) { all.push(new Uint8Array(8 << 20).fill(1)); await new Promise((r) => setImmediate(r)) }",
      "{ timeoutMs: 30000 }",
    )
    await using rig = await open({ grows: { events: grows } }, { memoryMib: 400 })
    const [answer] = await rig.emit("a")
    assert.ok(answer?.kind === "handler_error")
    assert.match(answer.error, /MiB of memory/)
  })

  test("a flood of lines is cut and counted, one of messages ends the thread, and calls are kept few", async () => {
    const floods = `
      import { parentPort } from "node:worker_threads"
      export function registerAgentEvents(r) {
        r.on("lines", (e, tools) => { for (let n = 0; n < 100000; n++) tools.logger.info({ n }, "flood") })
        r.on("calls", async (e, tools) => {
          const all = await Promise.allSettled(Array.from({ length: 40 }, () => tools.getSessionSetting("s", "k")))
          return all.filter((one) => one.status === "rejected").length
        })
        r.on("raw", async () => { for (;;) { parentPort.postMessage({ t: "log", level: "info", text: "x" }); await null } }, { timeoutMs: 5000 })
      }`
    await using rig = await open({ floods: { events: floods } })
    assert.equal((await rig.emit("lines"))[0]?.kind, "handler_result")
    assert.ok(rig.lines.filter(({ message }) => message === "flood").length <= 200)
    assert.deepEqual(await rig.emit("calls"), [
      { kind: "handler_result", moduleName: "floods", details: { value: 24 } },
    ])
    const [raw] = await rig.emit("raw")
    assert.equal(raw?.kind, "handler_error")
    assert.equal((await rig.emit("calls"))[0]?.kind, "handler_result", "it is back")
  })

  test("what an extension prints never reaches the pipe as a message", async () => {
    const prints = `
      import { writeSync } from "node:fs"
      ${handler(`console.log("printed"); writeSync(1, '{"t":"done","id":1}\\n'); writeSync(1, "no end of line"); return "said"`)}`
    await using rig = await open({ prints: { events: prints } })
    for (let n = 0; n < 3; n++) {
      assert.deepEqual(await rig.emit("a"), [
        { kind: "handler_result", moduleName: "prints", details: { value: "said" } },
      ])
    }
    assert.ok(rig.lines.some(({ message }) => message === "printed"))
  })

  test("a reload takes everything anew and swaps in one step; handlers that run end in the old one", async () => {
    const value = (text: string) => `export const value = ${JSON.stringify(text)}`
    const main = `
      import { value } from "./part.js"
      ${handler("if (event.payload.wait) { await tools.enqueueJob({}); await tools.getSessionSettings('s') } return value")}`
    const waiting = Promise.withResolvers<void>()
    const go = Promise.withResolvers<unknown>()
    const tools = {
      enqueueJob: async () => waiting.resolve(),
      getSessionSettings: () => go.promise,
    }
    const parts = (text: string) => ({ one: { events: value(text), file: "part.js" } })
    await using rig = await open({ one: { events: main }, ...{} }, { tools })
    rig.shelf.write(parts("old"))
    assert.equal((await rig.host.reload()).result, "loaded")
    const running = rig.emit("a", { wait: true })
    await waiting.promise
    rig.shelf.write(parts("new"))
    const before = rig.host.version()
    const [reloaded, second] = await Promise.all([rig.host.reload(), rig.host.reload()])
    assert.equal(second.result, "busy")
    assert.ok(reloaded.result === "loaded" && reloaded.before === before)
    assert.notEqual(rig.host.version(), before)
    assert.deepEqual(await rig.emit("a"), [
      { kind: "handler_result", moduleName: "one", details: { value: "new" } },
    ])
    go.resolve({})
    assert.deepEqual(await running, [
      { kind: "handler_result", moduleName: "one", details: { value: "old" } },
    ])
  })

  test("a reload of which anything fails changes nothing and says what failed, with a code each", async () => {
    await using rig = await open({ good: { events: QUIET } })
    const before = rig.host.version()
    rig.shelf.write({
      aa: { events: QUIET, manifest: manifestOf("good") },
      bad: { events: "export const x = ;" },
      blank: { events: QUIET, manifest: { ...manifestOf("blank"), version: " ", agentId: 7 } },
      empty: {},
      none: { events: "export const x = 1" },
      old: { events: QUIET, manifest: manifestOf("old", { runtime: { coreApiVersionRange: ">=2" } }) },
      throws: { events: "export function registerAgentEvents() { throw new Error('not today') }" },
      hangs: { events: "process.kill(process.pid, 'SIGKILL')" },
    })
    const answer = await rig.host.reload()
    assert.ok(answer.result === "failed")
    const codes = Object.fromEntries(answer.errors.map(({ extension, code }) => [extension, code]))
    assert.deepEqual(codes, {
      bad: "import_failed",
      blank: "invalid_manifest",
      empty: "missing_entrypoint",
      good: "agent_id_conflict",
      hangs: "import_failed",
      none: "missing_register",
      old: "incompatible_runtime",
      throws: "registration_failed",
    })
    const blank = answer.errors.find(({ extension }) => extension === "blank")?.message ?? ""
    assert.match(
      blank,
      /blank\/extension\.manifest\.json: .*version must not be blank; agentId must be a text/,
    )
    assert.equal(rig.host.version(), before)
    assert.equal((await rig.emit("a"))[0]?.kind, "handler_result")
  })

  test("at the start the good ones are loaded and the others are warned about", async () => {
    await using rig = await open({ bad: { events: "export const x = ;" }, good: { events: QUIET } })
    assert.deepEqual(rig.host.names(), ["good"])
    assert.ok(rig.lines.some(({ level, code }) => level === "warn" && code === "import_failed"))
  })

  test("files that change without a reload are not taken by a thread that has to be started again", async () => {
    const hangs = handler("if (event.payload.hang) for (;;); return 'old'", "{ timeoutMs: 50 }")
    await using rig = await open({ one: { events: hangs } })
    rig.shelf.write({ one: { events: handler("return 'new'") } })
    await rig.emit("a", { hang: true })
    const [answer] = await rig.emit("a")
    assert.ok(answer?.kind === "handler_error")
    assert.match(answer.error, /reload/)
  })

  test("an end does not wait for handlers, neither of this generation nor of the one before", async () => {
    const waits = handler("await tools.enqueueJob({}); await new Promise(() => {})", "{ timeoutMs: 600000 }")
    let begun = () => {}
    const tools = { enqueueJob: async () => begun() }
    const rig = await open({ one: { events: waits } }, { tools })
    const running: Promise<unknown>[] = []
    for (let n = 0; n < 2; n++) {
      const { promise, resolve } = Promise.withResolvers<void>()
      begun = resolve
      running.push(rig.emit("a"))
      await promise
      if (n === 0) assert.equal((await rig.host.reload()).result, "loaded")
    }
    await rig[Symbol.asyncDispose]()
    for (const one of await Promise.all(running)) assert.match(JSON.stringify(one), /were unloaded/)
  })
}
