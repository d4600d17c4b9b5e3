// When a child is let go: over its memory or idle, and never while something runs in it, is asked, or is under way.

import { expect, test } from "bun:test"
import { createManualClock } from "../../src/base/kit/manual-clock.ts"
import { TIMERS } from "../../src/base/kit/timers.ts"
import { createLogger, createMasks } from "../../src/base/observe/logger.ts"
import { keepBounds } from "../../src/flow/kept/bounds.ts"

const MIB = 1024 * 1024

function start(config: { memoryLimitMib?: number; codexMemoryLimitMib?: number; codexIdleStopMs?: number }) {
  const clock = createManualClock()
  const lines: string[] = []
  const logger = createLogger({
    clock,
    level: "info",
    write: (line) => void lines.push(line),
    mask: createMasks(),
  })
  const rests: boolean[] = []
  const world = {
    running: 0,
    waiting: 0,
    draining: false,
    underWay: 0,
    idleMs: 0,
    name: "ready",
    daemon: 10,
    child: 10,
  }
  const bounds = keepBounds({
    config: { memoryLimitMib: 0, codexMemoryLimitMib: 0, codexIdleStopMs: 0, ...config },
    clock,
    logger,
    supervisor: {
      state: () => ({ name: world.name, pid: 2 }) as never,
      rest: async ({ wake }) => void rests.push(wake),
    },
    rooms: {
      turns: { running: () => Array(world.running).fill({}) as never, draining: () => world.draining },
      requests: { waiting: () => ({ count: world.waiting, oldestAt: undefined }) },
    },
    use: { underWay: () => world.underWay, idleMs: () => world.idleMs },
    pid: 1,
    residentOf: (pid) => (pid === 1 ? world.daemon : world.child) * MIB,
  })
  return { world, rests, bounds, lines, look: () => clock.turn(TIMERS.boundsMs) }
}

test("over its memory it is started anew once nothing runs, waits, is under way or closes", () => {
  const { world, rests, bounds, look } = start({ codexMemoryLimitMib: 100 })
  look()
  expect([rests, bounds.reasons()]).toEqual([[], []])
  world.child = 101
  for (const busy of ["running", "waiting", "underWay"] as const) {
    world[busy] = 1
    look()
    world[busy] = 0
  }
  world.draining = true
  look()
  world.draining = false
  world.name = "starting"
  look()
  expect([rests, bounds.reasons()]).toEqual([[], ["codex takes 101 MiB, more than 100"]])
  world.name = "ready"
  look()
  expect(rests).toEqual([true])
  world.child = 20
  look()
  expect([rests.length, bounds.reasons()]).toEqual([1, []])
})

test("the daemon's own memory is said once each time that it begins to be too much", () => {
  const { world, bounds, lines, look } = start({ memoryLimitMib: 50 })
  world.daemon = 60
  look()
  look()
  expect(bounds.reasons()).toEqual(["the daemon takes 60 MiB, more than 50"])
  expect(lines.filter((line) => line.includes("too much memory"))).toHaveLength(1)
  world.daemon = 40
  look()
  world.daemon = 60
  look()
  expect(lines.filter((line) => line.includes("too much memory"))).toHaveLength(2)
})

test("idle for as long as is set it is stopped, and not before or by default", () => {
  const { world, rests, look } = start({ codexIdleStopMs: 60_000 })
  world.idleMs = 59_999
  look()
  expect(rests).toEqual([])
  world.idleMs = 60_000
  world.underWay = 1
  look()
  expect(rests).toEqual([])
  world.underWay = 0
  look()
  expect(rests).toEqual([false])
  const never = start({})
  never.world.idleMs = 1e9
  never.look()
  expect(never.rests).toEqual([])
})
