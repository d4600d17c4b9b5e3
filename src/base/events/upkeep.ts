// Keeps the log within its limits while the daemon runs: at once (what grew too old while nothing ran is not shown again),
// on a cadence, and as soon as a flood has made it too large.

import type { Clock } from "../kit/clock.ts"
import { TIMERS } from "../kit/timers.ts"
import type { Logger } from "../observe/logger.ts"
import type { Log } from "./log.ts"
import type { Limits } from "./retention.ts"

export interface UpkeepNeeds {
  log: Pick<Log, "retain" | "onTold" | "bytes">
  clock: Clock
  limits: Limits
  logger: Logger
}

/** Starts to keep the log in bounds; disposing ends it. */
export function keepWithin({ log, clock, limits, logger }: UpkeepNeeds): Disposable {
  let running = false
  // A full disk: only the cadence tries again, not every tick.
  let failed = false
  let over = false

  const run = async (maxBytes: number): Promise<void> => {
    if (running) return
    running = true
    try {
      await log.retain({ ...limits, maxBytes })
      failed = false
    } catch (error) {
      failed = true
      if (!over) logger.warn("the event log could not be shortened", { error })
    }
    running = false
  }
  const round = () => void run(limits.maxBytes)
  const grown = () => {
    // An eighth of room, so that a flood does not need a run of its own at every tick.
    if (!failed && log.bytes() > limits.maxBytes) void run(limits.maxBytes * 0.875)
  }
  round()
  const cadence = clock.every(TIMERS.retentionMs, round)
  const hearing = log.onTold(grown)
  return {
    [Symbol.dispose]() {
      over = true
      cadence[Symbol.dispose]()
      hearing[Symbol.dispose]()
    },
  }
}
