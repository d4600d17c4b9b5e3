// How much memory daemon and child may take, and for how long a child stays that nobody needs. A child is only ever ended
// while nothing runs, nothing is asked and nothing is under way in it.

import type { Config } from "../../base/config/config.ts"
import type { Clock } from "../../base/kit/clock.ts"
import { TIMERS } from "../../base/kit/timers.ts"
import type { Logger } from "../../base/observe/logger.ts"
import { residentBytesOf } from "../../base/platform/memory.ts"
import type { Supervisor } from "../../engine/runtime/supervisor.ts"
import type { Rooms } from "../rooms.ts"
import type { Use } from "../runtime.ts"

export interface BoundsNeeds {
  config: Pick<Config, "memoryLimitMib" | "codexMemoryLimitMib" | "codexIdleStopMs">
  clock: Clock
  logger: Logger
  supervisor: Pick<Supervisor, "state" | "rest">
  rooms: {
    turns: Pick<Rooms["turns"], "running" | "draining">
    requests: Pick<Rooms["requests"], "waiting">
  }
  use: Pick<Use, "underWay" | "idleMs">
  /** Our own. */
  pid: number
  residentOf?(pid: number): number | null
}

const MIB = 1024 * 1024

export function keepBounds({ config, clock, logger, supervisor, rooms, use, pid, residentOf }: BoundsNeeds) {
  const { memoryLimitMib, codexMemoryLimitMib, codexIdleStopMs } = config
  const mibOf = (process: number): number => Math.ceil(((residentOf ?? residentBytesOf)(process) ?? 0) / MIB)
  const over = new Map<string, string>()

  const isQuiet = (): boolean =>
    use.underWay() === 0 &&
    rooms.turns.running().length === 0 &&
    rooms.requests.waiting().count === 0 &&
    !rooms.turns.draining()

  /** Whether it takes too much; said once each time that it begins to. */
  const takesTooMuch = (who: string, limit: number, process: number | undefined): boolean => {
    const mib = limit === 0 || process === undefined ? 0 : mibOf(process)
    if (mib <= limit) {
      over.delete(who)
      return false
    }
    if (!over.has(who)) logger.warn("too much memory is taken", { who, mib, limitMib: limit })
    over.set(who, `${who} takes ${mib} MiB, more than ${limit}`)
    return true
  }

  const look = (): void => {
    takesTooMuch("the daemon", memoryLimitMib, pid)
    const { name, pid: child } = supervisor.state()
    const tooBig = takesTooMuch("codex", codexMemoryLimitMib, child)
    if (name !== "ready" || !isQuiet()) return
    if (tooBig) {
      logger.info("codex is started anew: it takes too much memory, and nothing runs")
      void supervisor.rest({ wake: true })
    } else if (codexIdleStopMs > 0 && use.idleMs() >= codexIdleStopMs) {
      logger.info("codex is stopped: nobody needs it")
      void supervisor.rest({ wake: false })
    }
  }
  const every = codexIdleStopMs > 0 ? Math.min(TIMERS.boundsMs, codexIdleStopMs) : TIMERS.boundsMs
  const cadence = clock.every(every, look)
  return {
    /** For the health. */
    reasons: (): string[] => [...over.values()],
    [Symbol.dispose]: () => cadence[Symbol.dispose](),
  }
}
