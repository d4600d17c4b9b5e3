// Answers of which nothing was written, on a disk where not even that could be stored. It is stored before anything else is
// decided of the request, and else as soon as there is room: nobody has to ask for it.

import { isFault } from "../../../base/fault.ts"
import type { Clock } from "../../../base/kit/clock.ts"
import { TIMERS } from "../../../base/kit/timers.ts"
import type { Db, Tx } from "../../../base/storage/port.ts"

export interface ReturnsNeeds {
  db: Db
  clock: Clock
  /** Moves the request to where it waits again. It does nothing to one that moved on. */
  giveBack(tx: Tx, id: string): void
}

export function createReturns({ db, clock, giveBack }: ReturnsNeeds) {
  const kept = new Set<string>()
  const storing = new Map<string, Promise<void>>()

  function store(id: string): Promise<void> {
    const known = storing.get(id)
    if (known) return known
    const done = db
      .act((tx) => giveBack(tx, id))
      .then(() => void kept.delete(id))
      .finally(() => storing.delete(id))
    storing.set(id, done)
    return done
  }

  function retry(id: string): void {
    clock.after(TIMERS.returnRetryMs, () => {
      if (!kept.has(id)) return
      store(id).catch((error: unknown) => isFault(error, "shutting_down") || retry(id))
    })
  }

  return {
    keep(id: string): void {
      kept.add(id)
      retry(id)
    },
    has: (id: string): boolean => kept.has(id),
    /** Resolves when it is stored; throws why it can't be. */
    stored: async (id: string): Promise<void> => {
      if (kept.has(id)) await store(id)
    },
  }
}
