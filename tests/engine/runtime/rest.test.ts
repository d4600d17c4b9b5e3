// A child that nobody needs is let go: who calls it gets it back and waits, and what it could do is known meanwhile.

import { expect, test } from "bun:test"
import { isFault } from "../../../src/base/fault.ts"
import { FAKE, openRuntime } from "./support.ts"

test("asleep it is no crash; the first call starts another one, and all that come meanwhile share it", async () => {
  await using rt = openRuntime({})
  const { supervisor } = rt
  supervisor.start()
  const { pid, restarts } = await rt.inState("ready")
  const has = supervisor.has("turn/steer")
  await supervisor.rest({ wake: false })
  const asleep = await rt.inState("asleep")
  expect([asleep.pid, supervisor.ready(), supervisor.callable()]).toEqual([undefined, undefined, true])
  expect(supervisor.has("turn/steer")).toBe(has)
  expect(rt.exits.map(({ expected }) => expected)).toEqual([true])
  const answers = await Promise.all([1, 2, 3].map(() => rt.call("thread/loaded/list", {})))
  expect(answers).toEqual(Array.from({ length: 3 }, () => ({ data: [], nextCursor: null })))
  const awake = supervisor.state()
  expect([awake.name, awake.restarts]).toEqual(["ready", restarts + 1])
  expect(awake.pid).not.toBe(pid)
})

test("started anew, calls wait for the next one; a call that comes while it goes wakes it too", async () => {
  await using rt = openRuntime({})
  const { supervisor } = rt
  supervisor.start()
  const { pid } = await rt.inState("ready")
  void supervisor.rest({ wake: true })
  expect(supervisor.state().name).toBe("resting")
  expect(await rt.call("thread/loaded/list", {})).toEqual({ data: [], nextCursor: null })
  const second = supervisor.state().pid
  expect(second).not.toBe(pid)
  void supervisor.rest({ wake: false })
  await rt.call("thread/loaded/list", {})
  expect(supervisor.state().pid).not.toBe(second)
})

test("one that doesn't come back fails who waits, and is tried again like any other", async () => {
  let gone = false
  await using rt = openRuntime({
    program: async () => ({ command: gone ? ["/bin/false"] : [FAKE, "app-server"], key: "fake" }),
  })
  const { supervisor } = rt
  supervisor.start()
  await rt.inState("ready")
  await supervisor.rest({ wake: false })
  await rt.inState("asleep")
  gone = true
  const error = await rt.call("thread/loaded/list", {}).catch((caught: unknown) => caught)
  expect(isFault(error, "runtime_unavailable")).toBe(true)
  expect(supervisor.callable()).toBe(false)
})

test("asleep it can be stopped, and one that is not ready can't be let go", async () => {
  await using rt = openRuntime({})
  const { supervisor } = rt
  await supervisor.rest({ wake: true })
  expect(supervisor.state().name).toBe("stopped")
  supervisor.start()
  await rt.inState("ready")
  await supervisor.rest({ wake: false })
  await rt.inState("asleep")
  await supervisor.stop()
  expect(supervisor.state().name).toBe("stopped")
})
