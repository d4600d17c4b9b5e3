// The jobs' rows. A claim is one statement that takes a job only if it is still queued; whatever ends an attempt names the
// attempt and who claimed it, so that a late result changes nothing.

import type { Reader, Tx } from "../../base/storage/port.ts"
import type { Attempt, Job, JobState, Lane } from "./job.ts"
import { jobOf, jobsOf, latestOf, wordsOf } from "./row.ts"

/** Jobs of one owner, lane and type: they go in order. */
export interface GroupKey {
  owner: string
  lane: Lane
  type: string
}
export interface Fence {
  n: number
  attempt: number
  claimedBy: string
}

const ADD = `INSERT INTO jobs (id, type, version, owner, source, lane, state, waits, dedupe_key, payload, attempt,
  max_attempts, created_at, next_attempt_at, retry_of) VALUES (?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?, 0, ?, ?, ?, ?) RETURNING n`
const CLAIM = `UPDATE jobs SET state = 'running', attempt = attempt + 1, claimed_by = ?, lease_until = ?,
    started_at = coalesce(started_at, ?), last_attempt_at = ?, next_attempt_at = NULL, error = NULL
  WHERE n = ? AND state = 'queued' AND waits = 0 RETURNING n, id, type, version, owner, source, lane, dedupe_key, payload, attempt,
    max_attempts, created_at, started_at, cancel_requested_at, context, progress, history, retry_of`
const FENCE = `n = ? AND state = 'running' AND attempt = ? AND claimed_by = ?`
const SETTLE = `UPDATE jobs SET state = ?, result = ?, error = ?, completed_at = ?, lease_until = NULL
  WHERE ${FENCE} RETURNING payload, cancel_requested_at, context, progress`
const REQUEUE = `UPDATE jobs SET state = 'queued', waits = ?, next_attempt_at = ?, error = ?, history = ?,
  claimed_by = NULL, lease_until = NULL, context = NULL WHERE ${FENCE} RETURNING *`
const PROGRESS = `UPDATE jobs SET progress = ? WHERE ${FENCE}`
const CONTEXT = `UPDATE jobs SET context = ? WHERE ${FENCE}`
const LOG = `INSERT INTO job_logs (job, line, attempt, at, text)
  SELECT n, (SELECT coalesce(max(line), 0) + 1 FROM job_logs WHERE job = n), attempt, ?, ? FROM jobs WHERE ${FENCE}
    AND (SELECT count(*) FROM job_logs WHERE job = n) < ?`
const LOGS = `SELECT attempt, at, text FROM job_logs WHERE job = ? ORDER BY line`
const DROP_LOGS = `DELETE FROM job_logs WHERE job = ?`
const END_QUEUED = `UPDATE jobs SET state = ?, error = ?, completed_at = ?, waits = 0, next_attempt_at = NULL
  WHERE n = ? AND state = 'queued' RETURNING *`
const ASK_CANCEL = `UPDATE jobs SET cancel_requested_at = coalesce(cancel_requested_at, ?)
  WHERE n = ? AND state = 'running' RETURNING *`
const MERGE = `UPDATE jobs SET payload = ? WHERE n = ? RETURNING *`
// Whatever it was that can't be read: no column keeps it.
const QUARANTINE = `UPDATE jobs SET state = 'failed', error = ?, completed_at = ?, created_at = ?, waits = 0, started_at = NULL,
  last_attempt_at = NULL, next_attempt_at = NULL, cancel_requested_at = NULL, lease_until = NULL, claimed_by = NULL,
  attempt = min(max(attempt, 0), 1000), max_attempts = 1, version = 1, history = NULL, progress = NULL, context = NULL
  WHERE n = ? RETURNING *`
const PROMOTE = `UPDATE jobs SET waits = 0 WHERE n IN (SELECT n FROM jobs WHERE state = 'queued' AND waits = 1
  AND next_attempt_at <= ? ORDER BY next_attempt_at LIMIT 500) RETURNING *`
const NEXT_DUE = `SELECT next_attempt_at AS at FROM jobs WHERE state = 'queued' AND waits = 1
  ORDER BY next_attempt_at LIMIT 1`

const BY_ID = `SELECT * FROM jobs WHERE id = ?`
// min: a number that can't be read must not hold up the others.
const HEADS = `SELECT n, min(created_at, 9007199254740991) AS created_at FROM jobs WHERE state = 'queued' AND waits = 0 AND owner = ? AND lane = ? AND type = ?
  ORDER BY n LIMIT ?`
const GROUPS = `SELECT DISTINCT owner, lane, type FROM jobs WHERE state = 'queued' AND waits = 0`
const COUNTS = `SELECT owner, state, count(*) AS n FROM jobs WHERE state = 'queued' AND waits = 0 GROUP BY owner
  UNION ALL SELECT owner, state, count(*) FROM jobs WHERE state = 'queued' AND waits = 1 GROUP BY owner
  UNION ALL SELECT owner, state, count(*) FROM jobs WHERE state = 'running' GROUP BY owner
  UNION ALL SELECT owner, state, count(*) FROM jobs WHERE completed_at IS NOT NULL GROUP BY owner, state`
const BY_N = `SELECT * FROM jobs WHERE n = ?`
// INDEXED BY: left to itself SQLite reads a million finished rows in the order of n to find the few that run.
const RUNNING = `SELECT n, min(coalesce(lease_until, 0), 9007199254740991) AS lease_until FROM jobs INDEXED BY jobs_running
  WHERE state = 'running' ORDER BY n`
const QUEUED_TYPES = `SELECT type FROM jobs INDEXED BY jobs_ready WHERE state = 'queued' AND waits = 0
  UNION SELECT type FROM jobs INDEXED BY jobs_delayed WHERE state = 'queued' AND waits = 1`
const QUEUED_OF_TYPE = `SELECT * FROM jobs INDEXED BY jobs_ready WHERE state = 'queued' AND waits = 0 AND type = ?1
  UNION ALL SELECT * FROM jobs INDEXED BY jobs_delayed WHERE state = 'queued' AND waits = 1 AND type = ?1 ORDER BY n`
const ACTIVE = `SELECT (SELECT count(*) FROM jobs INDEXED BY jobs_ready WHERE state = 'queued' AND waits = 0)
  + (SELECT count(*) FROM jobs INDEXED BY jobs_delayed WHERE state = 'queued' AND waits = 1) AS queued,
  (SELECT count(*) FROM jobs INDEXED BY jobs_running WHERE state = 'running') AS running`
const ACTIVE_TWIN = `SELECT * FROM jobs WHERE owner = ? AND type = ? AND dedupe_key = ? AND completed_at IS NULL ORDER BY n LIMIT 1`
const ANY_TWIN = `SELECT * FROM jobs WHERE owner = ? AND type = ? AND dedupe_key = ? ORDER BY n DESC LIMIT 1`

const OF_OWNER = `SELECT * FROM jobs WHERE state = 'queued' AND waits = 0 AND owner = ?1 AND (?2 IS NULL OR state = ?2)
  UNION ALL SELECT * FROM jobs INDEXED BY jobs_delayed WHERE state = 'queued' AND waits = 1 AND owner = ?1 AND (?2 IS NULL OR state = ?2)
  UNION ALL SELECT * FROM jobs WHERE state = 'running' AND owner = ?1 AND (?2 IS NULL OR state = ?2)
  UNION ALL SELECT * FROM jobs WHERE completed_at IS NOT NULL AND owner = ?1 AND (?2 IS NULL OR state = ?2)
  ORDER BY n`
const PAGE = `SELECT * FROM jobs WHERE n < ?1 AND (?2 IS NULL OR state = ?2) AND (?3 IS NULL OR type = ?3)
  AND (?4 IS NULL OR owner = ?4) AND (?5 IS NULL OR source = ?5) ORDER BY n DESC LIMIT ?6`

// One owner after the other: the index is read at its seams only.
const OWNERS = `WITH RECURSIVE owners (owner) AS (
    SELECT min(owner) FROM jobs WHERE completed_at IS NOT NULL
    UNION ALL SELECT (SELECT min(owner) FROM jobs WHERE completed_at IS NOT NULL AND owner > owners.owner)
      FROM owners WHERE owners.owner IS NOT NULL)
  SELECT owner FROM owners WHERE owner IS NOT NULL`
const OLD = `SELECT n, id, owner, lane, type, state FROM jobs
  WHERE completed_at IS NOT NULL AND owner = ? AND state = ? AND completed_at < ? LIMIT ?`
const SURPLUS = `SELECT n, id, owner, lane, type, state FROM jobs
  WHERE completed_at IS NOT NULL AND owner = ? AND state = ? ORDER BY completed_at LIMIT ?`
const DROP = `DELETE FROM jobs WHERE n = ? AND completed_at IS NOT NULL`

const PAUSES = `SELECT type FROM job_pauses`
const PAUSE = `INSERT INTO job_pauses (type, at) VALUES (?, ?) ON CONFLICT DO NOTHING`
const RESUME = `DELETE FROM job_pauses WHERE type = ?`

export type Insert = Pick<
  Job,
  "id" | "type" | "version" | "owner" | "source" | "lane" | "dedupeKey" | "payload" | "maxAttempts"
> &
  Pick<Job, "createdAt" | "nextAttemptAt" | "retryOf">

/** Answers its n. With `nextAttemptAt` it waits until then. */
export function insertJob(tx: Tx, j: Insert): number {
  const waits = j.nextAttemptAt === undefined ? 0 : 1
  const what = [
    j.id,
    j.type,
    j.version,
    j.owner,
    j.source ?? null,
    j.lane,
    waits,
    j.dedupeKey ?? null,
  ] as const
  const row = tx.get(
    ADD,
    ...what,
    j.payload,
    j.maxAttempts,
    j.createdAt,
    j.nextAttemptAt ?? null,
    j.retryOf ?? null,
  )
  return row?.n as number
}

export interface Claim {
  claimedBy: string
  now: number
  leaseUntil: number
}
export function claimJob(tx: Tx, n: number, { claimedBy, now, leaseUntil }: Claim): Job | undefined {
  const row = tx.get(CLAIM, claimedBy, leaseUntil, now, now, n)
  // What the claim has written need not be read: each column costs.
  return row && { ...wordsOf(row), ...CLAIMED, claimedBy, lastAttemptAt: now }
}
const CLAIMED = {
  state: "running",
  result: undefined,
  error: undefined,
  nextAttemptAt: undefined,
  completedAt: undefined,
} as const

export interface End {
  state: JobState
  result?: string | undefined
  error?: string | undefined
  at: number
}
/** The job as it was claimed; its fence is in it. */
export function settleJob(tx: Tx, job: Job, { state, result, error, at }: End): Job | undefined {
  const { n, attempt, claimedBy } = fenceOf(job)
  const row = tx.get(SETTLE, state, result ?? null, error ?? null, at, n, attempt, claimedBy)
  return row && { ...job, state, result, error, completedAt: at, ...latestOf(row) }
}
export const fenceOf = ({ n, attempt, claimedBy = "" }: Job): Fence => ({ n, attempt, claimedBy })

export interface Again {
  /** Undefined: at once. */
  notBefore: number | undefined
  now: number
  error: string
  history: Attempt[]
}
export function requeueJob(tx: Tx, f: Fence, { notBefore, now, error, history }: Again): Job | undefined {
  const waits = notBefore === undefined ? 0 : 1
  const values = [waits, notBefore ?? now, error, JSON.stringify(history)] as const
  return jobOf(tx.get(REQUEUE, ...values, f.n, f.attempt, f.claimedBy))
}

const fenced = (tx: Tx, sql: string, f: Fence, ...values: (string | number)[]): boolean =>
  tx.run(sql, ...values, f.n, f.attempt, f.claimedBy).changes > 0
export const noteProgress = (tx: Tx, f: Fence, json: string): boolean => fenced(tx, PROGRESS, f, json)
export const noteContext = (tx: Tx, f: Fence, json: string): boolean => fenced(tx, CONTEXT, f, json)
export const addLog = (tx: Tx, f: Fence, line: { at: number; text: string; most: number }): void =>
  void tx.run(LOG, line.at, line.text, f.n, f.attempt, f.claimedBy, line.most)

export const logsOf = (db: Reader, n: number): { attempt: number; at: number; text: string }[] =>
  db.all(LOGS, n).map((row) => ({
    attempt: row.attempt as number,
    at: row.at as number,
    text: row.text as string,
  }))

export const endQueued = (tx: Tx, n: number, { state, error, at }: End): Job | undefined =>
  jobOf(tx.get(END_QUEUED, state, error ?? null, at, n))
export const askCancel = (tx: Tx, n: number, at: number): Job | undefined => jobOf(tx.get(ASK_CANCEL, at, n))
export const replacePayload = (tx: Tx, n: number, payload: string): Job | undefined =>
  jobOf(tx.get(MERGE, payload, n))
export const quarantine = (
  tx: Tx,
  n: number,
  { error, at }: { error: string; at: number },
): Job | undefined => jobOf(tx.get(QUARANTINE, error, at, at, n))

export const promoteDue = (tx: Tx, now: number): Job[] => jobsOf(tx.all(PROMOTE, now))
export const nextDueAt = (db: Reader): number | undefined => db.get(NEXT_DUE)?.at as number | undefined

export const jobById = (db: Reader, id: string): Job | undefined => jobOf(db.get(BY_ID, id))
/** The oldest that are ready. */
export const headsOf = (db: Reader, g: GroupKey, most: number): { n: number; createdAt: number }[] =>
  db
    .all(HEADS, g.owner, g.lane, g.type, most)
    .map((row) => ({ n: row.n as number, createdAt: row.created_at as number }))
export const readyGroups = (db: Reader): GroupKey[] => db.all(GROUPS) as unknown as GroupKey[]
export const countsOf = (db: Reader): { owner: string; state: JobState; n: number }[] =>
  db.all(COUNTS) as unknown as { owner: string; state: JobState; n: number }[]
export const jobByN = (db: Reader, n: number): Job | undefined => jobOf(db.get(BY_N, n))
export const runningClaims = (db: Reader): { n: number; leaseUntil: number }[] =>
  db.all(RUNNING).map((row) => ({ n: row.n as number, leaseUntil: row.lease_until as number }))
export const queuedTypes = (db: Reader): string[] => db.all(QUEUED_TYPES).map((row) => row.type as string)
export const queuedOfType = (db: Reader, type: string): Job[] => jobsOf(db.all(QUEUED_OF_TYPE, type))
export const activeCounts = (db: Reader): { queued: number; running: number } =>
  db.get(ACTIVE) as { queued: number; running: number }

/** The one under the same key: a living one, or with `any` also one that is over. */
export const twinOf = (
  db: Reader,
  t: { owner: string; type: string; key: string; any: boolean },
): Job | undefined => jobOf(db.get(t.any ? ANY_TWIN : ACTIVE_TWIN, t.owner, t.type, t.key))

export const jobsOfOwner = (db: Reader, owner: string, state?: JobState): Job[] =>
  jobsOf(db.all(OF_OWNER, owner, state ?? null))

export interface PageAsk {
  state?: JobState | undefined
  type?: string | undefined
  owner?: string | undefined
  source?: string | undefined
  before?: number | undefined
  limit: number
}
/** Newest first. */
export function pageOfJobs(db: Reader, a: PageAsk): Job[] {
  const filters = [a.state ?? null, a.type ?? null, a.owner ?? null, a.source ?? null] as const
  return jobsOf(db.all(PAGE, a.before ?? Number.MAX_SAFE_INTEGER, ...filters, a.limit))
}

export type Gone = GroupKey & Pick<Job, "n" | "id" | "state">
export const finishedOwners = (db: Reader): string[] => db.all(OWNERS).map((row) => row.owner as string)
export const oldJobs = (
  db: Reader,
  o: { owner: string; state: JobState; before: number; most: number },
): Gone[] => db.all(OLD, o.owner, o.state, o.before, o.most) as unknown as Gone[]
export const surplusJobs = (db: Reader, s: { owner: string; state: JobState; most: number }): Gone[] =>
  db.all(SURPLUS, s.owner, s.state, s.most) as unknown as Gone[]
export function dropJob(tx: Tx, n: number): boolean {
  tx.run(DROP_LOGS, n)
  return tx.run(DROP, n).changes > 0
}

export const pausesOf = (db: Reader): string[] => db.all(PAUSES).map((row) => row.type as string)
export const writePause = (tx: Tx, type: string, at: number): void => void tx.run(PAUSE, type, at)
export const dropPause = (tx: Tx, type: string): void => void tx.run(RESUME, type)
