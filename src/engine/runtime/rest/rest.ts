// A child that nobody needs is let go and comes back when it is called: whoever calls it meanwhile starts it and waits. Also
// how it is started anew without a gap: those who call in between notice nothing but the time.

import type { Clock } from "../../../base/kit/clock.ts"
import { TIMERS } from "../../../base/kit/timers.ts"
import type { ChildRun } from "../child.ts"
import { downFault, type Lifecycle, type RuntimeState } from "../lifecycle.ts"

export interface RestNeeds {
  clock: Clock
  lifecycle: Lifecycle
  told(): void
  launch(): void
  child(): ChildRun | undefined
  state(): RuntimeState
}

export function createRest({ clock, lifecycle, told, launch, child, state }: RestNeeds) {
  /** Somebody needs it although it is resting. */
  let wanted = false
  /** It was woken and is not ready yet. */
  let waking = false
  const waiters = new Set<() => void>()
  const answer = (): void => {
    for (const hear of [...waiters]) hear()
  }

  const wake = (): void => {
    wanted = true
    if (!lifecycle.can("wake")) return
    waking = true
    lifecycle.move("wake")
    told()
    launch()
  }
  const isAway = (): boolean => lifecycle.name() === "resting" || lifecycle.name() === "asleep"

  return {
    /** Away, or on its way back. */
    isOver: (): boolean => isAway() || (waking && lifecycle.name() === "starting"),
    /** Resolves when it is ready again. Throws `runtime_unavailable` when that fails. */
    async awake(): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiters.add(resolve)
      using _net = clock.after(TIMERS.startDeadlineMs + TIMERS.killGraceMs, resolve)
      wake()
      await promise
      waiters.delete(resolve)
      if (lifecycle.name() !== "ready") throw downFault(state(), clock.now())
    },
    async rest({ wake: again }: { wake: boolean }): Promise<void> {
      const run = child()
      if (!run || !lifecycle.can("rest")) return
      wanted = again
      lifecycle.move("rest")
      told()
      await run.kill(again ? "started anew" : "nobody needs it", TIMERS.killGraceMs)
    },
    /** A child has ended and is being buried. */
    buried(): void {
      if (lifecycle.name() === "asleep" && wanted) wake()
      // It did not come back, or is told to stop: who waits is told.
      else if (!isAway() && lifecycle.name() !== "starting") {
        waking = false
        answer()
      }
    },
    ready(): void {
      wanted = false
      waking = false
      answer()
    },
  }
}
