// The queue's housekeeping: what a dead daemon left running, what was due, what is kept of finished jobs. In small acts.

import type { Clock } from "../../../base/kit/clock.ts"
import type { Db, Tx } from "../../../base/storage/port.ts"
import { lacksRoom } from "../../../base/storage/sqlite.ts"
import type { Board } from "../board.ts"
import type { Job, JobKinds, JobState } from "../job.ts"
import { textOf } from "../runner.ts"
import {
  dropJob,
  endQueued,
  fenceOf,
  finishedOwners,
  type Gone,
  jobByN,
  oldJobs,
  promoteDue,
  quarantine,
  queuedOfType,
  queuedTypes,
  requeueJob,
  runningClaims,
  settleJob,
  surplusJobs,
} from "../store.ts"

export interface SweepNeeds {
  db: Db
  clock: Clock
  board: Board
  kinds: JobKinds
  /** A job ended without a run: told, and its kind hears of it. */
  ended(tx: Tx, job: Job): void
  holds(n: number): boolean
}

export interface Keep {
  /** Finished jobs of one owner. */
  perOwner: number
  maxAgeMs: number
}

const SLICE = 200
/** Which finished jobs go first. */
const GO_FIRST = ["completed", "canceled", "failed"] as const satisfies JobState[]

export function createSweep({ db, clock, board, kinds, ended, holds }: SweepNeeds) {
  /** At the start nothing of ours runs yet: whatever is running was a dead daemon's. Later, what its lease doesn't cover. */
  function recover(tx: Tx, { all }: { all: boolean }): number {
    const now = clock.now()
    const lost = runningClaims(tx).filter(({ n, leaseUntil }) => !holds(n) && (all || leaseUntil < now))
    for (const { n } of lost) {
      const job = readable(tx, n)
      if (job) recoverOne(tx, job, now)
    }
    return lost.length
  }

  /** Undefined for a row that can't be read: it has failed now. */
  function readable(tx: Tx, n: number): Job | undefined {
    try {
      return jobByN(tx, n)
    } catch (error) {
      if (lacksRoom(error)) throw error
      const job = quarantine(tx, n, { error: `undecodable_row: ${textOf(error)}`, at: clock.now() })
      if (!job) return undefined
      board.move(tx, { kind: "job", job, was: "running", is: "failed" })
      ended(tx, job)
      return undefined
    }
  }

  function recoverOne(tx: Tx, job: Job, now: number): void {
    const end = (state: JobState, error: string): void => {
      const row = settleJob(tx, job, { state, error, at: now })
      if (!row) return
      board.move(tx, { kind: "job", job: row, was: "running", is: state })
      ended(tx, row)
    }
    const last = lastWordOn(job)
    if (last) {
      end(last.state, last.error)
      return
    }
    const error = "recovered_from_running_state"
    const past = {
      attempt: job.attempt,
      owner: job.claimedBy ?? null,
      startedAt: job.lastAttemptAt ?? null,
      endedAt: now,
      outcome: "recovered" as const,
      error,
    }
    const row = requeueJob(tx, fenceOf(job), {
      notBefore: undefined,
      now,
      error,
      history: [...job.history, past],
    })
    if (row) board.move(tx, { kind: "job", job: row, was: "running", is: "queued" })
  }

  /** What a job comes to whose attempt nobody has any more; undefined: it is tried again. */
  function lastWordOn(job: Job): { state: JobState; error: string } | undefined {
    if (!Object.hasOwn(kinds, job.type))
      return { state: "failed", error: `recovery_unknown_job_type:${job.type}` }
    if (job.cancelRequestedAt !== undefined) return { state: "canceled", error: "cancel_requested" }
    if (job.attempt < job.maxAttempts) return undefined
    return { state: "failed", error: "recovery_max_attempts_exceeded" }
  }

  /** Jobs of types that this version doesn't have fail; finished ones are left alone. */
  function failUnknown(tx: Tx): number {
    const now = clock.now()
    const lost = queuedTypes(tx)
      .filter((type) => !Object.hasOwn(kinds, type))
      .flatMap((type) => queuedOfType(tx, type))
    for (const { n, type } of lost) {
      const row = endQueued(tx, n, { state: "failed", error: `recovery_unknown_job_type:${type}`, at: now })
      if (!row) continue
      board.move(tx, { kind: "job", job: row, was: "queued", is: "failed" })
      ended(tx, row)
    }
    return lost.length
  }

  /** Those whose time has come join the others. */
  function promote(tx: Tx): number {
    const due = promoteDue(tx, clock.now())
    for (const job of due) board.move(tx, { kind: "job", job, was: "queued", is: "queued" })
    return due.length
  }

  function drop(tx: Tx, gone: Gone[]): number {
    for (const job of gone) {
      if (dropJob(tx, job.n)) board.move(tx, { kind: "job", job, was: job.state, is: undefined })
    }
    return gone.length
  }

  /** Too many or too old; failed ones are kept longest. */
  async function prune({ perOwner, maxAgeMs }: Keep): Promise<void> {
    for (const owner of board.surplus(perOwner)) {
      for (const state of GO_FIRST) while ((await dropSurplus(owner, state, perOwner)) > 0);
    }
    const before = clock.now() - maxAgeMs
    for (const owner of finishedOwners(db)) {
      for (const state of GO_FIRST) {
        const slice = () => db.act((tx) => drop(tx, oldJobs(tx, { owner, state, before, most: SLICE })))
        while ((await slice()) > 0);
      }
    }
  }

  const dropSurplus = (owner: string, state: JobState, keep: number): Promise<number> =>
    db.act((tx) => {
      const counts = board.finished(owner)
      const over = counts.completed + counts.canceled + counts.failed - keep
      const most = Math.min(over, counts[state], SLICE)
      return most > 0 ? drop(tx, surplusJobs(tx, { owner, state, most })) : 0
    })

  return { recover, failUnknown, promote, prune }
}
export type Sweep = ReturnType<typeof createSweep>
