// A job out of its row. A claim and an end read only what they have not written themselves: each column costs.

import type { Row } from "../../base/storage/port.ts"
import type { Attempt, Job, JobState, Lane } from "./job.ts"

export const jobsOf = (rows: Row[]): Job[] => rows.flatMap((row) => jobOf(row) ?? [])
const orNone = <T>(value: unknown): T | undefined => (value === null ? undefined : (value as T))

export function jobOf(row: Row | undefined): Job | undefined {
  if (!row) return undefined
  return {
    ...wordsOf(row),
    state: row.state as JobState,
    result: orNone(row.result),
    error: orNone(row.error),
    claimedBy: orNone(row.claimed_by),
    lastAttemptAt: orNone(row.last_attempt_at),
    nextAttemptAt: orNone(row.next_attempt_at),
    completedAt: orNone(row.completed_at),
  }
}

/** What a claim doesn't write. */
export const wordsOf = (row: Row) => ({
  n: row.n as number,
  id: row.id as string,
  type: row.type as string,
  version: row.version as number,
  owner: row.owner as string,
  source: orNone<string>(row.source),
  lane: row.lane as Lane,
  dedupeKey: orNone<string>(row.dedupe_key),
  attempt: row.attempt as number,
  maxAttempts: row.max_attempts as number,
  createdAt: row.created_at as number,
  startedAt: orNone<number>(row.started_at),
  history: row.history === null ? [] : historyOf(row.history as string),
  retryOf: orNone<string>(row.retry_of),
  ...latestOf(row),
})

/** What may change while it runs. */
export const latestOf = (row: Row) => ({
  payload: row.payload as string,
  cancelRequestedAt: orNone<number>(row.cancel_requested_at),
  context: orNone<string>(row.context),
  progress: orNone<string>(row.progress),
})

/** History is for people: one that can't be read harms nobody. */
function historyOf(text: string): Attempt[] {
  try {
    return JSON.parse(text) as Attempt[]
  } catch {
    return []
  }
}
