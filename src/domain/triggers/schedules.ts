// Schedules: jobs that are enqueued when their time comes, each time once. The time, its run and the next time are one act,
// so that neither a kill nor a clock that is set brings a time twice.

import { Fault } from "../../base/fault.ts"
import type { Clock } from "../../base/kit/clock.ts"
import { newId } from "../../base/kit/ids.ts"
import { TIMERS } from "../../base/kit/timers.ts"
import type { Db, Tx } from "../../base/storage/port.ts"
import type { Added } from "../../engine/queue/job.ts"
import { checkCron, nextTime } from "./cron.ts"
import {
  addRun,
  allSchedules,
  dropSchedule,
  readSchedule,
  runsOf,
  type Schedule,
  type TriggerRun,
  writeSchedule,
} from "./store.ts"

/** What a trigger needs of the queue. */
export interface Starts {
  /** Throws `unknown_job_type`, `invalid_payload`. */
  check(kind: string, payload: unknown): void
  /** Within the act. Throws what an enqueue throws. */
  add(tx: Tx, job: { kind: string; payload: unknown; dedupeKey: string }): Added
  isOver(jobId: string, tx: Tx): boolean
}

export interface SchedulesNeeds {
  db: Db
  clock: Clock
  starts: Starts
  onFault(error: unknown): void
}

export type NewSchedule = Pick<
  Schedule,
  "name" | "cron" | "timeZone" | "missed" | "overlap" | "enabled" | "kind"
> & {
  payload: unknown
}

/** A time that is noticed later than this was missed. */
const LATE_MS = 60_000
/** A last time this far ahead was told by a clock that was wrong. */
const ABSURD_MS = 25 * 3_600_000

export function createSchedules({ db, clock, starts, onFault }: SchedulesNeeds) {
  let alarm: Disposable | undefined
  let open = false

  function following(s: Pick<Schedule, "cron" | "timeZone" | "enabled" | "lastDueAt">): number | undefined {
    if (!s.enabled) return undefined
    const now = clock.now()
    const last = s.lastDueAt !== undefined && s.lastDueAt < now + ABSURD_MS ? s.lastDueAt : 0
    return nextTime(s.cron, s.timeZone, Math.max(now, last))
  }

  function existing(id: string, reader: Db | Tx = db): Schedule {
    const schedule = readSchedule(reader, id)
    if (!schedule) throw new Fault("schedule_not_found", "no such schedule", { scheduleId: id })
    return schedule
  }

  /** Does what is due, and looks again when the next is, or soon: clocks are set. */
  function look(): void {
    if (!open) return
    alarm?.[Symbol.dispose]()
    const now = clock.now()
    let next = now + TIMERS.scheduleGlanceMs
    for (const schedule of allSchedules(db)) {
      if (!schedule.enabled) continue
      const { nextAt } = schedule
      const expected = following(schedule)
      // A clock that was set back brings its times closer again.
      if (nextAt === undefined || (expected !== undefined && expected < nextAt)) rewrite(schedule.id)
      else if (nextAt <= now) fire(schedule.id, nextAt)
      if (expected !== undefined) next = Math.min(next, Math.max(expected, now + 1))
    }
    alarm = clock.after(next - now, look)
  }

  function rewrite(id: string): void {
    db.act((tx) => {
      const schedule = readSchedule(tx, id)
      if (schedule) writeSchedule(tx, { ...schedule, nextAt: following(schedule) })
    }).catch(onFault)
  }

  function fire(id: string, dueAt: number): void {
    db.act((tx) => {
      const schedule = readSchedule(tx, id)
      if (!schedule?.enabled || schedule.nextAt !== dueAt) return
      const run = { at: clock.now(), dueAt, ...runOf(tx, schedule, dueAt) }
      addRun(tx, `schedule:${id}`, { ...run, keepAfter: run.at })
      const done = { ...schedule, lastDueAt: dueAt, lastJob: run.job ?? schedule.lastJob }
      writeSchedule(tx, { ...done, nextAt: following(done) })
    }).catch(onFault)
  }

  function runOf(tx: Tx, s: Schedule, dueAt: number): Pick<TriggerRun, "outcome" | "job" | "error"> {
    const none = { job: undefined, error: undefined }
    if (s.missed === "skip" && clock.now() - dueAt > LATE_MS) return { ...none, outcome: "missed" }
    if (!s.overlap && s.lastJob !== undefined && !starts.isOver(s.lastJob, tx))
      return { ...none, outcome: "skipped_overlap" }
    try {
      const key = `schedule:${s.id}:${dueAt}`
      const { job } = starts.add(tx, { kind: s.kind, payload: JSON.parse(s.payload), dedupeKey: key })
      return { outcome: "enqueued", job: job.id, error: undefined }
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      return { outcome: "refused", job: undefined, error: error.message }
    }
  }

  async function put(schedule: Schedule, { isNew }: { isNew: boolean }): Promise<Schedule> {
    checkCron(schedule.cron, schedule.timeZone)
    starts.check(schedule.kind, JSON.parse(schedule.payload))
    const written = { ...schedule, updatedAt: clock.now(), nextAt: following(schedule) }
    await db.act((tx) => {
      if (!isNew) existing(schedule.id, tx)
      writeSchedule(tx, written)
    })
    look()
    return written
  }

  return {
    list: (): Schedule[] => allSchedules(db),
    find: existing,
    create({ payload, ...given }: NewSchedule): Promise<Schedule> {
      const blank = { nextAt: undefined, lastDueAt: undefined, lastJob: undefined }
      const now = clock.now()
      const made = { ...given, ...blank, id: newId(), payload: JSON.stringify(payload) }
      return put({ ...made, createdAt: now, updatedAt: now }, { isNew: true })
    },
    /** Throws `schedule_not_found`. */
    change(id: string, { payload, ...fields }: Partial<NewSchedule>): Promise<Schedule> {
      const known = existing(id)
      const text = payload === undefined ? known.payload : JSON.stringify(payload)
      return put({ ...known, ...fields, payload: text }, { isNew: false })
    },
    async remove(id: string): Promise<void> {
      await db.act((tx) => {
        existing(id, tx)
        dropSchedule(tx, id)
      })
    },
    /** Newest first. */
    runs(id: string, limit: number): TriggerRun[] {
      existing(id)
      return runsOf(db, `schedule:${id}`, limit)
    },
    start(): Disposable {
      open = true
      look()
      return {
        [Symbol.dispose]() {
          open = false
          alarm?.[Symbol.dispose]()
        },
      }
    },
  }
}
export type Schedules = ReturnType<typeof createSchedules>
