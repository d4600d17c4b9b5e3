// A clock turned by hand, for tests and models.

import type { Clock } from "./clock.ts"

export interface ManualClock extends Clock {
  /** Moves time on by `ms` and calls what falls due, in order. */
  turn(ms: number): void
}

/** Starts at `startMs` (epoch milliseconds); nothing moves until `turn`. `soon` calls wait for the next `turn` (0 is enough). */
export function createManualClock(startMs = 1_700_000_000_000): ManualClock {
  let now = startMs
  let order = 0
  const due = new Map<number, { at: number; fn: () => void; everyMs?: number }>()
  const put = (at: number, fn: () => void, everyMs?: number): Disposable => {
    const key = order++
    due.set(key, everyMs === undefined ? { at, fn } : { at, fn, everyMs })
    return { [Symbol.dispose]: () => void due.delete(key) }
  }
  return {
    now: () => now,
    mono: () => now - startMs,
    after: (ms, fn) => put(now + ms, fn),
    every: (ms, fn) => put(now + ms, fn, ms),
    soon: (fn) => void put(now, fn),
    turn(ms) {
      const until = now + ms
      for (;;) {
        const next = [...due.entries()]
          .filter(([, t]) => t.at <= until)
          .sort((a, b) => a[1].at - b[1].at || a[0] - b[0])[0]
        if (!next) break
        const [key, task] = next
        now = Math.max(now, task.at)
        if (task.everyMs === undefined) due.delete(key)
        else task.at += task.everyMs
        task.fn()
      }
      now = until
    },
  }
}
