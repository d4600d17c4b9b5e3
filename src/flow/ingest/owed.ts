// What could not be stored when it happened: it was told, and its meaning is owed. Paid in order as soon as the database takes
// writes again, so that a turn which ended on a full disk is not running for ever.

import type { Logger } from "../../base/observe/logger.ts"
import type { Db, Tx } from "../../base/storage/port.ts"

export type Debt = (tx: Tx, after: (fn: () => void) => void) => void

/** More than this is no hiccup: the oldest go, and the next start of the daemon settles what ran. */
const KEPT = 10_000

export function createOwed({ db, logger }: { db: Db; logger: Logger }) {
  let debts: Debt[] = []

  const settle = (some: Debt[]) => {
    const work: (() => void)[] = []
    const outcome = db.actNow((tx) => {
      work.length = 0
      for (const debt of some) debt(tx, (fn) => work.push(fn))
    })
    if (outcome.ok) for (const fn of work) fn()
    return outcome
  }

  return {
    owe(debt: Debt): void {
      if (debts.length >= KEPT) {
        debts.shift()
        logger.warn("more is owed to the database than is remembered")
      }
      debts.push(debt)
    },
    /** True when nothing is owed any more. One that fails for another reason than the disk is dropped and logged: a bug. */
    pay(): boolean {
      if (debts.length === 0) return true
      if (settle(debts).ok) debts = []
      else if (!db.full) {
        for (const debt of debts) {
          const alone = settle([debt])
          if (!alone.ok) logger.error("what was owed could not be settled", { error: alone.error })
        }
        debts = []
      }
      return debts.length === 0
    },
  }
}
export type Owed = ReturnType<typeof createOwed>
