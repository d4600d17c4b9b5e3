// The audit trail: who changed what, when, from where, and what came of it. Ids and names only: never a body, a header or a
// secret. It is kept for a time and up to a number of entries, whichever is less.

import type { Clock } from "../../base/kit/clock.ts"
import { TIMERS } from "../../base/kit/timers.ts"
import type { Db } from "../../base/storage/port.ts"
import { type AskTrail, addEntry, dropEntries, type Entry, entries } from "./store.ts"

export interface TrailNeeds {
  db: Db
  clock: Clock
  keep: { maxAgeMs: number; maxEntries: number }
  onFault(error: unknown): void
}

const LONGEST_NAME = 300
const AT_A_TIME = 500

export function createTrail({ db, clock, keep, onFault }: TrailNeeds) {
  const prune = async (): Promise<void> => {
    const oldest = clock.now() - keep.maxAgeMs
    const step = () => db.act((tx) => dropEntries(tx, { oldest, keep: keep.maxEntries, most: AT_A_TIME }))
    while ((await step()) > 0);
  }
  const round = () => void prune().catch(onFault)
  let cadence: Disposable | undefined

  return {
    /** Resolves once it is stored; rejects with `storage_full`. */
    record: (entry: Omit<Entry, "n" | "at">): Promise<void> =>
      db.act((tx) =>
        addEntry(tx, {
          ...entry,
          at: clock.now(),
          who: entry.who.slice(0, LONGEST_NAME),
          route: entry.route.slice(0, LONGEST_NAME),
        }),
      ),
    /** Newest first. */
    list: (ask: AskTrail): Entry[] => entries(db, ask),
    /** Removes what is too old or too much, now and on a cadence. */
    start(): void {
      round()
      cadence = clock.every(TIMERS.retentionMs, round)
    },
    prune,
    [Symbol.dispose]: () => cadence?.[Symbol.dispose](),
  }
}
export type Trail = ReturnType<typeof createTrail>
