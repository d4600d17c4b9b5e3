// From queued to running: the best heads that there are places for, each taken by one statement. A row that can't be read
// fails alone.

import type { Clock } from "../../../base/kit/clock.ts"
import type { Tx } from "../../../base/storage/port.ts"
import { lacksRoom } from "../../../base/storage/sqlite.ts"
import type { Board, Seat } from "../board.ts"
import type { Job, JobKinds, Lane } from "../job.ts"
import { pick } from "../pick.ts"
import { textOf } from "../runner.ts"
import { claimJob, quarantine } from "../store.ts"

export interface ClaimNeeds {
  clock: Clock
  board: Board
  kinds: JobKinds
  worker: string
  rules: { perOwner: number; agingMs: number; burst: number }
  isPaused(type: string): boolean
  started(tx: Tx, job: Job): void
  /** It failed without having run. */
  ended(tx: Tx, job: Job): void
  onFault(error: unknown): void
}

/** Beyond a run's deadline and grace; then its claim is void. */
const LEASE_SLACK_MS = 60_000

/** Claims up to `free` jobs. They run as soon as it is committed. */
export const createClaim =
  ({ clock, board, kinds, worker, rules, isPaused, started, ended, onFault }: ClaimNeeds) =>
  (tx: Tx, free: number): Job[] => {
    const claimed: Job[] = []
    const look = { reader: tx, isPaused }
    const seats = board.seats({ ...look, perOwner: rules.perOwner })
    const { agingMs, burst } = rules
    const now = clock.now()
    let { streak, served } = board

    /** Undefined where the head was another, or can't be read: then the next look is at a new one. */
    function take(seat: Seat, lane: Lane): Job | undefined {
      const head = seat[lane]
      if (!head) return undefined
      const { group } = head.cursor
      const kind = kinds[group.type]
      const leaseUntil = now + (kind ? kind.timeoutMs + kind.graceMs : 0) + LEASE_SLACK_MS
      try {
        const job = claimJob(tx, head.n, { claimedBy: worker, now, leaseUntil })
        if (!job) board.doubt(group)
        return job
      } catch (error) {
        if (lacksRoom(error)) throw error
        const job = quarantine(tx, head.n, { error: `undecodable_row: ${textOf(error)}`, at: now })
        if (!job) throw error
        board.move(tx, { kind: "job", job, was: "queued", is: "failed" })
        ended(tx, job)
        onFault(error)
        return undefined
      }
    }

    while (claimed.length < free) {
      const picked = pick(seats.values(), { now, agingMs, burst, streak })
      if (!picked) break
      const { candidate: seat, lane } = picked
      const job = take(seat, lane)
      if (job) {
        claimed.push(job)
        board.move(tx, { kind: "job", job, was: "queued", is: "running" })
        started(tx, job)
        streak = lane === "interactive" ? streak + 1 : 0
        seat.streak = lane === "interactive" ? seat.streak + 1 : 0
        seat.servedAt = ++served
        seat.running += 1
      }
      if (seat.running >= rules.perOwner) seats.delete(seat.owner)
      else board.reseat(seat, lane, { reader: tx, taken: job !== undefined })
    }
    return claimed
  }
