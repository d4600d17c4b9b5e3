// The rows of schedules, hooks and their runs.

import type { Reader, Row, Tx } from "../../base/storage/port.ts"

export interface Schedule {
  id: string
  name: string
  cron: string
  timeZone: string
  /** What is done about times that passed while nobody was there: one run for all of them, or none. */
  missed: "once" | "skip"
  overlap: boolean
  enabled: boolean
  kind: string
  /** JSON. */
  payload: string
  nextAt: number | undefined
  lastDueAt: number | undefined
  lastJob: string | undefined
  createdAt: number
  updatedAt: number
}
export interface Hook {
  name: string
  secret: string
  enabled: boolean
  kind: string
  payload: string
  createdAt: number
  updatedAt: number
}
export interface TriggerRun {
  at: number
  dueAt: number | undefined
  outcome: "enqueued" | "already_queued" | "skipped_overlap" | "missed" | "refused"
  job: string | undefined
  error: string | undefined
}

const PUT_SCHEDULE = `INSERT INTO schedules (id, name, cron, time_zone, missed, overlap, enabled, kind, payload, next_at,
    last_due_at, last_job, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET name = excluded.name, cron = excluded.cron, time_zone = excluded.time_zone,
    missed = excluded.missed, overlap = excluded.overlap, enabled = excluded.enabled, kind = excluded.kind,
    payload = excluded.payload, next_at = excluded.next_at, last_due_at = excluded.last_due_at,
    last_job = excluded.last_job, updated_at = excluded.updated_at`
const SCHEDULES = `SELECT * FROM schedules ORDER BY created_at, id`
const SCHEDULE = `SELECT * FROM schedules WHERE id = ?`
const DROP_SCHEDULE = `DELETE FROM schedules WHERE id = ?`
const PUT_HOOK = `INSERT INTO hooks (name, secret, enabled, kind, payload, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (name) DO UPDATE SET secret = excluded.secret, enabled = excluded.enabled, kind = excluded.kind,
    payload = excluded.payload, updated_at = excluded.updated_at`
const HOOKS = `SELECT * FROM hooks ORDER BY name`
const HOOK = `SELECT * FROM hooks WHERE name = ?`
const DROP_HOOK = `DELETE FROM hooks WHERE name = ?`
const ADD_RUN = `INSERT INTO trigger_runs (trigger, at, due_at, outcome, job, error, once) VALUES (?, ?, ?, ?, ?, ?, ?)`
const RUNS = `SELECT * FROM trigger_runs WHERE trigger = ? ORDER BY n DESC LIMIT ?`
const TAKEN = `SELECT * FROM trigger_runs WHERE trigger = ? AND once = ?`
// A signature is kept as long as it could be sent again.
const PRUNE = `DELETE FROM trigger_runs WHERE trigger = ?1 AND at < ?2
  AND n <= coalesce((SELECT n FROM trigger_runs WHERE trigger = ?1 ORDER BY n DESC LIMIT 1 OFFSET ?3), 0)`
const DROP_RUNS = `DELETE FROM trigger_runs WHERE trigger = ?`

export function writeSchedule(tx: Tx, s: Schedule): void {
  const flags = [Number(s.overlap), Number(s.enabled)] as const
  const times = [s.nextAt ?? null, s.lastDueAt ?? null, s.lastJob ?? null, s.createdAt, s.updatedAt] as const
  tx.run(PUT_SCHEDULE, s.id, s.name, s.cron, s.timeZone, s.missed, ...flags, s.kind, s.payload, ...times)
}
export const allSchedules = (db: Reader): Schedule[] => db.all(SCHEDULES).map(scheduleOf)
export function readSchedule(db: Reader, id: string): Schedule | undefined {
  const row = db.get(SCHEDULE, id)
  return row && scheduleOf(row)
}
export function dropSchedule(tx: Tx, id: string): void {
  tx.run(DROP_SCHEDULE, id)
  tx.run(DROP_RUNS, `schedule:${id}`)
}

export function writeHook(tx: Tx, h: Hook): void {
  tx.run(PUT_HOOK, h.name, h.secret, Number(h.enabled), h.kind, h.payload, h.createdAt, h.updatedAt)
}
export const allHooks = (db: Reader): Hook[] => db.all(HOOKS).map(hookOf)
export function readHook(db: Reader, name: string): Hook | undefined {
  const row = db.get(HOOK, name)
  return row && hookOf(row)
}
export function dropHook(tx: Tx, name: string): void {
  tx.run(DROP_HOOK, name)
  tx.run(DROP_RUNS, `hook:${name}`)
}

/** Of one trigger at least this many are kept. */
const KEPT_RUNS = 200
export function addRun(
  tx: Tx,
  trigger: string,
  run: TriggerRun & { once?: string; keepAfter: number },
): void {
  const what = [run.outcome, run.job ?? null, run.error ?? null, run.once ?? null] as const
  tx.run(ADD_RUN, trigger, run.at, run.dueAt ?? null, ...what)
  tx.run(PRUNE, trigger, run.keepAfter, KEPT_RUNS)
}
export const runsOf = (db: Reader, trigger: string, limit: number): TriggerRun[] =>
  db.all(RUNS, trigger, limit).map(runOf)
export function takenRun(db: Reader, trigger: string, once: string): TriggerRun | undefined {
  const row = db.get(TAKEN, trigger, once)
  return row && runOf(row)
}

const orNone = <T>(value: unknown): T | undefined => (value === null ? undefined : (value as T))
const runOf = (row: Row): TriggerRun => ({
  at: row.at as number,
  dueAt: orNone(row.due_at),
  outcome: row.outcome as TriggerRun["outcome"],
  job: orNone(row.job),
  error: orNone(row.error),
})
const hookOf = (row: Row): Hook => ({
  name: row.name as string,
  secret: row.secret as string,
  enabled: row.enabled === 1,
  kind: row.kind as string,
  payload: row.payload as string,
  createdAt: row.created_at as number,
  updatedAt: row.updated_at as number,
})
const scheduleOf = (row: Row): Schedule => ({
  id: row.id as string,
  name: row.name as string,
  cron: row.cron as string,
  timeZone: row.time_zone as string,
  missed: row.missed as Schedule["missed"],
  overlap: row.overlap === 1,
  enabled: row.enabled === 1,
  kind: row.kind as string,
  payload: row.payload as string,
  nextAt: orNone(row.next_at),
  lastDueAt: orNone(row.last_due_at),
  lastJob: orNone(row.last_job),
  createdAt: row.created_at as number,
  updatedAt: row.updated_at as number,
})
