// The Db of port.ts over one driver: acts queue up, a tick runs them all in one transaction and settles them after COMMIT
// (decisions 5). What SQLite rolls back for want of room is repeated act by act, so that only what really doesn't fit fails.

import { Fault } from "../fault.ts"
import type { Clock } from "../kit/clock.ts"
import type { Logger } from "../observe/logger.ts"
import { createQuietCopies } from "./commits/quiet.ts"
import { type Act, openTick, reasonOf } from "./commits/tick.ts"
import type { Db, Effect, Ledger, SqlDriver, Tx } from "./port.ts"
import { isBusy, lacksRoom, type Sync, tune } from "./sqlite.ts"

export interface DbNeeds {
  driver: SqlDriver
  clock: Clock
  /** `normal` (default) survives kills, `full` power cuts too. */
  sync?: Sync
  log?: Logger
  /** Told how long each transaction took. */
  onCommit?(ms: number): void
}

/** Takes over the driver: nobody else may write through it. Migrations have run before (migrate.ts). */
export function openDb({ driver, clock, sync = "normal", log, onCommit }: DbNeeds): Db {
  tune(driver, sync)
  const commits = openCommits(driver, log)
  const copies = createQuietCopies({ driver, clock })
  const run = (acts: Act[]): void => {
    const began = clock.mono()
    changes++
    commits.run(acts)
    changes++
    copies.committed()
    onCommit?.(clock.mono() - began)
  }
  let waiting: Act[] = []
  let closed = false
  let changes = 0

  const refuseNested = (): void => {
    if (commits.running) throw new Error("an act can't commit: flush and actNow are for outside")
  }
  const flush = (): void => {
    refuseNested()
    if (waiting.length === 0) return
    const acts = waiting
    waiting = []
    run(acts)
  }

  return {
    get: (sql, ...values) => driver.prepare(sql).get(...values),
    all: (sql, ...values) => driver.prepare(sql).all(...values),
    act: (fn) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(isClosed())
        waiting.push({ fn, resolve: resolve as (value: unknown) => void, reject })
        // One wake-up per tick: whatever is queued until then shares its commit.
        if (waiting.length === 1) clock.soon(() => closed || flush())
      }),
    actNow<T>(fn: (tx: Tx) => T) {
      if (closed) return { ok: false, error: isClosed() }
      refuseNested()
      let outcome: Outcome<T> | undefined
      waiting.push({
        fn,
        resolve(value) {
          outcome = { ok: true, value: value as T }
        },
        reject(error) {
          outcome = { ok: false, error }
        },
      })
      flush()
      // A flush settles every act that waits.
      return outcome ?? { ok: false, error: isClosed() }
    },
    flush,
    get full() {
      return commits.full
    },
    get changes() {
      return changes
    },
    attach: (ledger) => commits.attach(ledger),
    async close() {
      if (closed) return
      // Those who hear of the last commit may act once more.
      while (waiting.length > 0) flush()
      closed = true
      copies[Symbol.dispose]()
      driver.close()
    },
  }
}

type Outcome<T> = { ok: true; value: T } | { ok: false; error: unknown }

const isClosed = (): Fault => new Fault("shutting_down", "the database is closed")

/** Runs the acts of a tick, tells the ledgers and settles the acts; keeps the books on whether there is room. */
function openCommits(driver: SqlDriver, log: Logger | undefined) {
  const ledgers: Ledger[] = []
  const tick = openTick(driver, ledgers)
  let full = false

  /** One transaction. Returns why nothing of it was kept, if so. */
  const attempt = (acts: Act[]): { lost: unknown } | undefined => {
    const ran = tick.run(acts, full)
    if ("lost" in ran) {
      lost(ran.lost)
      return ran
    }
    if (ran.lackedRoom !== undefined) lost(ran.lackedRoom)
    else if (ran.wrote) {
      log?.info("there is room to store again")
      full = false
    }
    for (const ledger of ledgers) hear(ledger, ran.effects)
    for (const settle of ran.settle) settle()
    return undefined
  }

  // Said once: on a full disk every commit is lost, many times a second.
  const lost = (error: unknown): void => {
    const noRoom = lacksRoom(error)
    if (!noRoom) log?.error("a commit failed", { error: String(error) })
    else if (!full) log?.error("there is no room to store", { error: String(error) })
    full ||= noRoom
  }

  const hear = (ledger: Ledger, effects: Effect[]): void => {
    try {
      ledger.committed(effects)
    } catch (error) {
      log?.error("telling of a commit failed", { error: String(error) })
    }
  }

  return {
    get running() {
      return tick.running
    },
    get full() {
      return full
    },
    attach: (ledger: Ledger): void => void ledgers.push(ledger),
    run(acts: Act[]): void {
      const failure = attempt(acts)
      if (!failure) return
      for (const act of acts) {
        const alone = isBusy(failure.lost) ? failure : attempt([act])
        if (alone) act.reject(reasonOf(alone.lost))
      }
    },
  }
}
