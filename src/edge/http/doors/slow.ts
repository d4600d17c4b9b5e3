// Wrong tokens are answered ever later, each peer by its own count, in bounded memory. A right token is never held up, whoever
// else comes from the same address: nobody can be locked out. A missing token is no attempt.

import { Fault } from "../../../base/fault.ts"
import type { Clock } from "../../../base/kit/clock.ts"
import { TIMERS } from "../../../base/kit/timers.ts"

/** As many as a person or a script with a stale token makes without noticing. */
const FREE = 10
const FIRST_WAIT_MS = 25
/** A peer that was quiet for so long begins anew. */
const FORGET_MS = 60_000
const MOST_PEERS = 1_000
/** Answers held back at a time; beyond them the refusal comes at once and costs nothing. */
const MOST_WAITING = 200

export function createSlowing(clock: Clock) {
  const wrong = new Map<string, { count: number; at: number }>()
  let waiting = 0

  const count = (peer: string): number => {
    const known = wrong.get(peer)
    const counted = known && clock.now() - known.at < FORGET_MS ? known.count + 1 : 1
    // Written anew, so that the first in the map is the one that was quiet longest.
    wrong.delete(peer)
    wrong.set(peer, { count: counted, at: clock.now() })
    const [oldest] = wrong.keys()
    if (wrong.size > MOST_PEERS && oldest !== undefined) wrong.delete(oldest)
    return counted
  }

  return {
    /** Resolves when the refusal may go out; throws `too_many_attempts` while too many wait. */
    async refused(peer: string): Promise<void> {
      const over = count(peer) - FREE
      if (over <= 0) return
      if (waiting >= MOST_WAITING)
        throw new Fault("too_many_attempts", "too many wrong tokens; wait a moment")
      const ms = Math.min(FIRST_WAIT_MS * 2 ** Math.min(over - 1, 10), TIMERS.wrongTokenWaitMs)
      waiting++
      try {
        await new Promise<void>((resolve) => void clock.after(ms, resolve))
      } finally {
        waiting--
      }
    },
    sizes: () => ({ peers: wrong.size, waiting }),
  }
}
export type Slowing = ReturnType<typeof createSlowing>
