// The journal is copied into the database in a quiet moment: a copy holds everything up for some 12 ms whatever its size, and
// would else fall into the middle of somebody's commit (every 8,000 pages, ../sqlite.ts).

import type { Clock } from "../../kit/clock.ts"
import { TIMERS } from "../../kit/timers.ts"
import type { SqlDriver } from "../port.ts"

/** A few commits more or less in the journal are not worth a copy. */
const WORTH_IT = 100

export interface QuietNeeds {
  driver: Pick<SqlDriver, "exec" | "inTransaction">
  clock: Pick<Clock, "after">
}

/** Told of every commit; disposing ends it. */
export function createQuietCopies({ driver, clock }: QuietNeeds) {
  let commits = 0
  let seen = 0
  let waiting: Disposable | undefined

  const look = (): void => {
    waiting = undefined
    if (commits !== seen) wait()
    else if (!driver.inTransaction) copy()
  }
  const wait = (): void => {
    seen = commits
    waiting = clock.after(TIMERS.quietMs, look)
  }
  const copy = (): void => {
    commits = 0
    try {
      driver.exec("PRAGMA wal_checkpoint(PASSIVE)")
    } catch {
      // Somebody reads, or the disk is full: the copy in a commit is still there.
    }
  }

  return {
    committed(): void {
      commits++
      if (commits >= WORTH_IT && !waiting) wait()
    },
    [Symbol.dispose]: () => waiting?.[Symbol.dispose](),
  }
}
