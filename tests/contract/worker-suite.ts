// What both platforms promise about threads. Runtime-neutral: run by worker.test.ts on Bun and worker.node.ts on Node.

import assert from "node:assert/strict"
import type { Platform } from "../../src/base/platform/port.ts"

export interface WorkerSuiteNeeds {
  test(name: string, run: () => Promise<void>): void
  platform: Pick<Platform, "worker">
}

export function workerSuite({ test, platform }: WorkerSuiteNeeds): void {
  const start = () => {
    const worker = platform.worker(new URL("../fakes/echo-worker.ts", import.meta.url))
    const heard: unknown[] = []
    const exit = Promise.withResolvers<string | undefined>()
    let wake = () => {}
    worker.onMessage((message) => {
      heard.push(message)
      wake()
    })
    worker.onExit(exit.resolve)
    const untilHeard = (count: number) =>
      new Promise<void>((resolve) => {
        wake = () => void (heard.length >= count && resolve())
        wake()
      })
    return { worker, heard, untilHeard, exit: exit.promise }
  }

  test("messages go both ways, in order, as they are", async () => {
    const { worker, heard, untilHeard, exit } = start()
    for (const say of [1, "zwei", { three: [3, null] }]) worker.post({ say })
    await untilHeard(3)
    assert.deepEqual(heard, [{ said: 1 }, { said: "zwei" }, { said: { three: [3, null] } }])
    await worker.terminate()
    assert.equal(await exit, undefined)
  })

  test("an error that it doesn't catch ends it and is the reason", async () => {
    const { worker, exit } = start()
    worker.post({ do: "throw" })
    assert.match((await exit) ?? "", /thrown in the worker/)
    await worker.terminate()
  })

  test("a loop is ended", async () => {
    const { worker, untilHeard, exit } = start()
    worker.post({ say: "up" })
    await untilHeard(1)
    worker.post({ do: "loop" })
    await worker.terminate()
    assert.equal(await exit, undefined)
  })
}
