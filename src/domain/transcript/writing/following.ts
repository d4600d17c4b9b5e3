// Entries of what was committed and told already: they follow in a commit of their own a moment later, so that neither the frame
// nor a quick answer waits for them. Whoever reads, or writes entries behind them, has them written first. A kill may come
// between: a start must be able to make them anew.

import type { Clock } from "../../../base/kit/clock.ts"
import { TIMERS } from "../../../base/kit/timers.ts"
import type { Db, Tx } from "../../../base/storage/port.ts"
import { isBusy } from "../../../base/storage/sqlite.ts"

export interface Follower {
  /** Writes what is still to be written: it may run more than once. */
  write(tx: Tx): void
  /** It failed, and not for want of room: it is not tried again. */
  lost(cause: unknown): void
}

export function createFollowing({ db, clock }: { db: Db; clock: Clock }) {
  let waiting: Follower[] = []
  let due: Disposable | undefined

  /** Inside an act that writes entries. They wait on until they are committed for certain. */
  function writeIn(tx: Tx): void {
    for (const { write } of waiting) write(tx)
  }

  /** Outside of acts: now. False where there is no room: they wait on, for the next reader or for a while. */
  function catchUp(): boolean {
    due?.[Symbol.dispose]()
    due = undefined
    const some = waiting
    waiting = []
    if (some.length === 0) return true
    const stored = db.actNow((tx) => {
      for (const { write } of some) write(tx)
    })
    if (stored.ok) return true
    if (db.full || isBusy(stored.error)) {
      waiting = [...some, ...waiting]
      due ??= clock.after(TIMERS.returnRetryMs, catchUp)
      return false
    }
    for (const { lost } of some) lost(stored.error)
    return true
  }

  return {
    add(follower: Follower): void {
      waiting.push(follower)
      due ??= clock.after(TIMERS.followMs, catchUp)
    },
    writeIn,
    catchUp,
    waits: (): boolean => waiting.length > 0,
  }
}
