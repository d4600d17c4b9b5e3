// From running to its end, or back to the queue; and what a run says on the way. Everything names its attempt: what comes
// after the job has gone on without it is told as late, and changes nothing.

import type { Clock } from "../../../base/kit/clock.ts"
import type { Db, Tx } from "../../../base/storage/port.ts"
import { lacksRoom } from "../../../base/storage/sqlite.ts"
import type { Board } from "../board.ts"
import { isOver, type Job, type JobKinds, type JobState } from "../job.ts"
import type { Verdict } from "../runner.ts"
import {
  addLog,
  askCancel,
  endQueued,
  fenceOf,
  jobById,
  noteContext,
  noteProgress,
  requeueJob,
  settleJob,
} from "../store.ts"

/** `late`: an attempt's outcome that came when the job had gone on without it. A retry is not told. */
export type Change = "queued" | "started" | "progress" | "completed" | "failed" | "canceled" | "late"
export type Tell = (
  tx: Tx,
  change: Change,
  about: { job: Job; progress?: object; outcome?: JobState },
) => void

export interface EndsNeeds {
  db: Db
  clock: Clock
  board: Board
  kinds: JobKinds
  tell: Tell
  onFault(error: unknown): void
}

interface Ending {
  job: Job
  verdict: Verdict
  resolve(): void
  reject(error: unknown): void
}

/** Lines kept of one job, and letters of one line. */
const LOG = { lines: 500, letters: 4_000 }

export function createEnds({ db, clock, board, kinds, tell, onFault }: EndsNeeds) {
  let waiting: Ending[] = []

  /** Ends of one tick are one act: a savepoint for each would cost as much as the end itself. */
  const settle = (job: Job, verdict: Verdict): Promise<void> =>
    new Promise((resolve, reject) => {
      waiting.push({ job, verdict, resolve, reject })
      if (waiting.length === 1) settleWaiting()
    })

  function settleWaiting(): void {
    let mine: Ending[] | undefined
    const take = (): Ending[] => {
      const taken = waiting
      waiting = []
      return taken
    }
    const together = db.act((tx) => {
      // It may run twice.
      mine ??= take()
      for (const one of mine) write(tx, one)
    })
    together.then(
      () => {
        for (const one of mine ?? []) one.resolve()
      },
      (error: unknown) => {
        const all = mine ?? take()
        // One that can't be stored must not hold up the others.
        for (const one of all) {
          if (all.length === 1) one.reject(error)
          else db.act((tx) => write(tx, one)).then(one.resolve, one.reject)
        }
      },
    )
  }

  function write(tx: Tx, { job, verdict }: Ending): void {
    const row = verdict.is === "queued" ? requeue(tx, job, verdict) : end(tx, job, verdict)
    if (!row) {
      tell(tx, "late", { job, outcome: verdict.is })
      return
    }
    const waitsUntil = verdict.is === "queued" ? verdict.notBefore : undefined
    board.move(tx, { kind: "job", job: row, was: "running", is: row.state, waitsUntil })
    if (isOver(row.state)) ended(tx, row)
  }

  const end = (tx: Tx, job: Job, verdict: Exclude<Verdict, { is: "queued" }>): Job | undefined =>
    settleJob(tx, job, {
      state: verdict.is,
      result: "result" in verdict ? verdict.result : undefined,
      error: "error" in verdict ? verdict.error : undefined,
      at: clock.now(),
    })

  function requeue(tx: Tx, job: Job, { error, notBefore, why }: Verdict & { is: "queued" }): Job | undefined {
    const now = clock.now()
    const past = {
      attempt: job.attempt,
      owner: job.claimedBy ?? null,
      startedAt: job.lastAttemptAt ?? null,
      endedAt: now,
      outcome: why,
      error,
    }
    return requeueJob(tx, fenceOf(job), { notBefore, now, error, history: [...job.history, past] })
  }

  /** Its kind hears of it, then everybody. What a kind does wrong costs the job nothing. */
  function ended(tx: Tx, job: Job): void {
    try {
      if (Object.hasOwn(kinds, job.type)) kinds[job.type]?.settled?.(tx, job)
    } catch (error) {
      if (lacksRoom(error)) throw error
      onFault(error)
    }
    if (job.state === "completed" || job.state === "failed" || job.state === "canceled")
      tell(tx, job.state, { job })
  }

  /** Undefined for a job that isn't there; `over` for one that had ended before. */
  function cancel(tx: Tx, id: string, reason: string): { job: Job; over: boolean } | undefined {
    const job = jobById(tx, id)
    if (!job || isOver(job.state)) return job && { job, over: true }
    const at = clock.now()
    if (job.state === "running") return { job: askCancel(tx, job.n, at) ?? job, over: false }
    const row = endQueued(tx, job.n, { state: "canceled", error: reason, at }) ?? job
    board.move(tx, { kind: "job", job: row, was: "queued", is: "canceled" })
    ended(tx, row)
    return { job: row, over: false }
  }

  const says = (write: (tx: Tx) => void): Promise<void> => db.act(write).catch(onFault)
  return {
    settle,
    ended,
    cancel,
    says: {
      progress: (job: Job, progress: object) =>
        says((tx) => {
          if (noteProgress(tx, fenceOf(job), JSON.stringify(progress)))
            tell(tx, "progress", { job, progress })
        }),
      log: (job: Job, text: string) =>
        says((tx) => {
          const line = { at: clock.now(), text: text.slice(0, LOG.letters), most: LOG.lines }
          addLog(tx, fenceOf(job), line)
        }),
      note: (job: Job, context: object) =>
        says((tx) => void noteContext(tx, fenceOf(job), JSON.stringify(context))),
    },
  }
}
