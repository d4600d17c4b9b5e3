// A database that fails is the daemon's trouble, never the child's: it is started, greeted, buried and started again.

import { describe, expect, test } from "bun:test"
import { createManualClock } from "../../../src/base/kit/manual-clock.ts"
import { createProcesses } from "../../../src/base/platform/processes.ts"
import { createTestRuns, FAKE, openRuntime, type TestRuntime } from "./support.ts"

const full = () => Promise.reject(new Error("the disk is full"))
const locked = () => {
  throw new Error("the database is locked")
}
const runStore = { begin: full, spawned: full, thread: full, ended: full, unfinished: locked }
const warnings = (rt: TestRuntime) => rt.logged.flatMap((l) => (l.level === "warn" ? [l.message] : []))

describe("a run that can't be recorded", () => {
  test("comes up, dies, is buried, comes up again and is stopped like any other", async () => {
    await using rt = openRuntime({ runStore, mischief: "exit-on=thread/list" })
    rt.supervisor.start()
    const first = await rt.inState("ready")
    await rt.call("thread/list", {}).catch(() => undefined)
    await rt.until("its end", () => rt.exits[0])
    const again = await rt.inState("ready")
    expect(again.restarts).toBe(1)
    expect(again.pid).not.toBe(first.pid)
    await rt.supervisor.stop()
    expect(rt.supervisor.state().name).toBe("stopped")
    for (const what of ["record of its begin", "record of its spawn", "record of its end", "list of threads"])
      expect(warnings(rt)).toContain(`a run's ${what} failed`)
  })

  for (const where of ["begin", "spawned"] as const) {
    test(`${where} failing once harms that record only`, async () => {
      let fails = 1
      const { store, runs } = createTestRuns()
      const once = async (...given: unknown[]) => {
        if (fails-- > 0) await full()
        await (store[where] as (...args: unknown[]) => unknown)(...given)
      }
      await using rt = openRuntime({ runStore: { ...store, [where]: once } })
      rt.supervisor.start()
      await rt.inState("ready")
      await rt.supervisor.stop()
      expect(store.unfinished()).toEqual([])
      expect(runs.size).toBe(where === "begin" ? 0 : 1)
    })
  }

  test("whose program can't be started counts as a crash, with its reason", async () => {
    const program = async () => ({ command: ["/nowhere/codex", "app-server"] })
    await using rt = openRuntime({ runStore, program })
    rt.supervisor.start()
    expect(await rt.inState("waiting")).toMatchObject({ reason: expect.stringContaining("can't be started") })
  })
})

test("methods that can't be remembered are learned anew", async () => {
  await using rt = openRuntime({ methodCache: { get: locked, put: locked } })
  rt.supervisor.start()
  expect((await rt.inState("ready")).methods).toMatchObject({ known: true })
})

test("a program that can't be looked for counts as a crash, and is looked for again", async () => {
  const clock = createManualClock()
  let readable = false
  const program = async () => {
    if (!readable) throw new Error("the folder can't be read")
    return { command: [FAKE, "app-server"] }
  }
  await using rt = openRuntime({ program, clock })
  rt.supervisor.start()
  expect(await rt.inState("waiting")).toMatchObject({
    reason: "codex can't be started: the folder can't be read",
    retryAt: expect.any(Number),
  })
  readable = true
  clock.turn(500)
  await rt.inState("ready")
})

test("a child about which nothing can be found out after its spawn is ended and buried, and another one tried", async () => {
  const clock = createManualClock()
  let blind = true
  const processes = createProcesses()
  const find = (pid: number) => (blind ? locked() : processes.find(pid))
  await using rt = openRuntime({ clock, processes: { ...processes, find } })
  rt.supervisor.start()
  expect(await rt.until("its end", () => rt.exits[0])).toMatchObject({ expected: false })
  blind = false
  clock.turn(500)
  await rt.inState("ready")
})
