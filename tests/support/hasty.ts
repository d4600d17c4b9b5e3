// codexd with a clock of its own: the deadlines of calls to the child fall due on SIGUSR2 and not before, so that a child that
// hangs can be tried without waiting. Each deadline that begins is said on stderr.

import { systemClock } from "../../src/base/kit/clock.ts"
import { TIMERS } from "../../src/base/kit/timers.ts"
import { createBunPlatform } from "../../src/base/platform/bun.ts"
import { run } from "../../src/main.run.ts"

const nets = new Set<() => void>()

process.on("SIGUSR2", () => {
  for (const fire of [...nets]) fire()
})
await run(createBunPlatform(), {
  ...systemClock,
  after(ms, fn) {
    // What is left of it, after overloads were waited for.
    if (ms > TIMERS.callDeadlineMs || ms < TIMERS.callDeadlineMs - 1_000) return systemClock.after(ms, fn)
    const fire = () => {
      nets.delete(fire)
      fn()
    }
    nets.add(fire)
    process.stderr.write("a call waits\n")
    return { [Symbol.dispose]: () => void nets.delete(fire) }
  },
})
