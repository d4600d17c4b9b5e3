// One transaction over many acts, each in a savepoint of its own. Says what stands after COMMIT, or that all was lost.

import { Fault } from "../../fault.ts"
import type { Effect, Ledger, SqlDriver, Tx } from "../port.ts"
import { lacksRoom } from "../sqlite.ts"

export interface Act {
  fn: (tx: Tx) => unknown
  resolve(value: unknown): void
  reject(error: unknown): void
}

/** A transaction that was committed. */
export interface Ran {
  /** True when rows were changed, which proves that there is room again. Only looked at while `probing`. */
  wrote: boolean
  /** Why an act alone found no room, if one did. */
  lackedRoom?: unknown
  /** Settles the acts' promises, in order. */
  settle: (() => void)[]
  effects: Effect[]
}

/** What an act is told when it fails: `storage_full` for want of room, else its own error. */
export const reasonOf = (error: unknown): unknown =>
  lacksRoom(error)
    ? new Fault("storage_full", "there is no room left to store this", {}, { cause: error })
    : error

interface Hand {
  tx: Tx
  effects: Effect[]
  /** Throws when the transaction was lost, even if the act looked away. */
  stands(): void
  /** From here on the act's own handle is dead: it was only good synchronously. */
  drop(): void
}

export function openTick(driver: SqlDriver, ledgers: readonly Ledger[]) {
  let running = false
  const changes = (): number => Number(driver.prepare("SELECT total_changes() AS n").get()?.n)

  /** Runs one act. Throws what it threw; whether the transaction still stands is seen by `driver.inTransaction`. */
  const inSavepoint = (act: Act, ran: Ran): void => {
    const hand = openHand(driver)
    driver.prepare("SAVEPOINT act").run()
    try {
      const value = act.fn(hand.tx)
      hand.stands()
      refusePromise(value)
      driver.prepare("RELEASE act").run()
      ran.settle.push(() => act.resolve(value))
      // Not spread into `push`: a flood leaves more than a call takes arguments.
      for (const effect of hand.effects) ran.effects.push(effect)
    } catch (error) {
      if (!driver.inTransaction) throw error
      driver.exec("ROLLBACK TO act; RELEASE act")
      // Inside a trigger SQLite takes back the statement alone: the others of the tick stand.
      if (lacksRoom(error)) ran.lackedRoom = error
      ran.settle.push(() => act.reject(reasonOf(error)))
    } finally {
      hand.drop()
    }
  }

  const write = (ran: Ran): void => {
    const hand = openHand(driver)
    for (const ledger of ledgers) ledger.write(hand.tx, ran.effects)
    hand.drop()
  }

  return {
    get running() {
      return running
    },
    /** `lost` is why the whole transaction is gone: then nothing of it was kept and no promise was settled. */
    run(acts: Act[], probing: boolean): Ran | { lost: unknown } {
      const ran: Ran = { wrote: false, settle: [], effects: [] }
      running = true
      try {
        const before = probing ? changes() : 0
        driver.prepare("BEGIN IMMEDIATE").run()
        for (const act of acts) inSavepoint(act, ran)
        write(ran)
        driver.prepare("COMMIT").run()
        ran.wrote = probing && changes() > before
        return ran
      } catch (error) {
        if (driver.inTransaction) driver.exec("ROLLBACK")
        return { lost: error }
      } finally {
        running = false
      }
    },
  }
}

function openHand(driver: SqlDriver): Hand {
  const effects: Effect[] = []
  let over: unknown
  let dropped = false
  // When SQLite has rolled back, what an act that carries on writes would be committed piece by piece: nothing more goes through.
  const guarded = <T>(use: () => T): T => {
    refuse()
    try {
      return use()
    } catch (error) {
      if (lacksRoom(error)) over = error
      throw error
    }
  }
  const refuse = (): void => {
    if (dropped) throw new Error("this act is over: its tx is only good until the function returns")
    if (over !== undefined) throw over
  }
  return {
    effects,
    stands() {
      if (over !== undefined) throw over
    },
    drop() {
      dropped = true
    },
    tx: {
      get: (sql, ...values) => guarded(() => driver.prepare(sql).get(...values)),
      all: (sql, ...values) => guarded(() => driver.prepare(sql).all(...values)),
      run: (sql, ...values) => guarded(() => driver.prepare(sql).run(...values)),
      emit(effect) {
        refuse()
        effects.push(effect)
      },
    },
  }
}

function refusePromise(value: unknown): void {
  if (typeof value !== "object" || value === null || typeof (value as { then?: unknown }).then !== "function")
    return
  // Its own failure is beside the point now.
  Promise.resolve(value).catch(() => {})
  throw new TypeError(
    "an act returned a promise: it must be synchronous, its transaction ends when it returns",
  )
}
