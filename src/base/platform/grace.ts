// A bounded wait.

import { systemClock } from "../kit/clock.ts"

/** Resolves when `done` does, or after `ms` without it. */
export async function within(ms: number, done: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  using _net = systemClock.after(ms, resolve)
  await Promise.race([done, promise])
}
