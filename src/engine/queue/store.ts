// The jobs' rows. A claim is one statement that takes a job only if it is still queued; whatever ends an attempt names the
// attempt and who claimed it, so that a late result changes nothing.

import type { Reader, Row, Tx } from "../../base/storage/port.ts"
import type { Attempt, Job, JobState, Lane } from "./job.ts"

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
  WHERE n = ? AND state = 'queued' AND waits = 0 RETURNING *`
const FENCE = `n = ? AND state = 'running' AND attempt = ? AND claimed_by = ?`
const SETTLE = `UPDATE jobs SET state = ?, result = ?, error = ?, completed_at = ?, lease_until = NULL
  WHERE ${FENCE} RETURNING *`
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
const HEAD = `SELECT n, min(created_at, 9007199254740991) AS created_at FROM jobs WHERE state = 'queued' AND waits = 0 AND owner = ? AND lane = ? AND type = ?
  ORDER BY n LIMIT 1`
const GROUPS = `SELECT DISTINCT owner, lane, type FROM jobs WHERE state = 'queued' AND waits = 0`
const COUNTS = `SELECT owner, state, count(*) AS n FROM jobs WHERE state = 'queued' AND waits = 0 GROUP BY owner
  UNION ALL SELECT owner, state, count(*) FROM jobs WHERE state = 'queued' AND waits = 1 GROUP BY owner
  UNION ALL SELECT owner, state, count(*) FROM jobs WHERE state = 'running' GROUP BY owner
  UNION ALL SELECT owner, state, count(*) FROM jobs WHERE completed_at IS NOT NULL GROUP BY owner, state`
const BY_N = `SELECT * FROM jobs WHERE n = ?`
const RUNNING = `SELECT n, min(coalesce(lease_until, 0), 9007199254740991) AS lease_until FROM jobs
  WHERE state = 'running' ORDER BY n`
const QUEUED_TYPES = `SELECT DISTINCT type FROM jobs WHERE state = 'queued'`
const QUEUED_OF_TYPE = `SELECT * FROM jobs WHERE state = 'queued' AND type = ? ORDER BY n`
const ANY_READY = `SELECT 1 FROM jobs WHERE state = 'queued' AND waits = 0 LIMIT 1`
const ACTIVE_TWIN = `SELECT * FROM jobs WHERE owner = ? AND type = ? AND dedupe_key = ? AND completed_at IS NULL ORDER BY n LIMIT 1`
const ANY_TWIN = `SELECT * FROM jobs WHERE owner = ? AND type = ? AND dedupe_key = ? ORDER BY n DESC LIMIT 1`

const OF_OWNER = `SELECT * FROM jobs WHERE state = 'queued' AND waits = 0 AND owner = ?1 AND (?2 IS NULL OR state = ?2)
  UNION ALL SELECT * FROM jobs WHERE state = 'queued' AND waits = 1 AND owner = ?1 AND (?2 IS NULL OR state = ?2)
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
export const claimJob = (tx: Tx, n: number, { claimedBy, now, leaseUntil }: Claim): Job | undefined =>
  jobOf(tx.get(CLAIM, claimedBy, leaseUntil, now, now, n))

export interface End {
  state: JobState
  result?: string | undefined
  error?: string | undefined
  at: number
}
export const settleJob = (tx: Tx, f: Fence, { state, result, error, at }: End): Job | undefined =>
  jobOf(tx.get(SETTLE, state, result ?? null, error ?? null, at, f.n, f.attempt, f.claimedBy))

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
export function headOf(db: Reader, g: GroupKey): { n: number; createdAt: number } | undefined {
  const row = db.get(HEAD, g.owner, g.lane, g.type)
  return row && { n: row.n as number, createdAt: row.created_at as number }
}
export const readyGroups = (db: Reader): GroupKey[] => db.all(GROUPS) as unknown as GroupKey[]
export const countsOf = (db: Reader): { owner: string; state: JobState; n: number }[] =>
  db.all(COUNTS) as unknown as { owner: string; state: JobState; n: number }[]
export const jobByN = (db: Reader, n: number): Job | undefined => jobOf(db.get(BY_N, n))
export const runningClaims = (db: Reader): { n: number; leaseUntil: number }[] =>
  db.all(RUNNING).map((row) => ({ n: row.n as number, leaseUntil: row.lease_until as number }))
export const queuedTypes = (db: Reader): string[] => db.all(QUEUED_TYPES).map((row) => row.type as string)
export const queuedOfType = (db: Reader, type: string): Job[] => jobsOf(db.all(QUEUED_OF_TYPE, type))
export const anyReady = (db: Reader): boolean => db.get(ANY_READY) !== undefined

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

const jobsOf = (rows: Row[]): Job[] => rows.flatMap((row) => jobOf(row) ?? [])
const orNone = <T>(value: unknown): T | undefined => (value === null ? undefined : (value as T))

function jobOf(row: Row | undefined): Job | undefined {
  if (!row) return undefined
  return {
    n: row.n as number,
    id: row.id as string,
    type: row.type as string,
    version: row.version as number,
    owner: row.owner as string,
    source: orNone(row.source),
    lane: row.lane as Lane,
    state: row.state as JobState,
    dedupeKey: orNone(row.dedupe_key),
    payload: row.payload as string,
    result: orNone(row.result),
    error: orNone(row.error),
    attempt: row.attempt as number,
    maxAttempts: row.max_attempts as number,
    claimedBy: orNone(row.claimed_by),
    createdAt: row.created_at as number,
    startedAt: orNone(row.started_at),
    lastAttemptAt: orNone(row.last_attempt_at),
    nextAttemptAt: orNone(row.next_attempt_at),
    cancelRequestedAt: orNone(row.cancel_requested_at),
    completedAt: orNone(row.completed_at),
    context: orNone(row.context),
    progress: orNone(row.progress),
    history: row.history === null ? [] : historyOf(row.history as string),
    retryOf: orNone(row.retry_of),
  }
}

/** History is for people: one that can't be read harms nobody. */
function historyOf(text: string): Attempt[] {
  try {
    return JSON.parse(text) as Attempt[]
  } catch {
    return []
  }
}
