// A job as clients read it (wire-contract §1.11), and as the stream tells of it (§2.4).

import { iso } from "../../base/kit/clock.ts"
import { type Attempt, isOver, type Job } from "../../engine/queue/job.ts"

const at = (ms: number | undefined): string | null => (ms === undefined ? null : iso(ms))

/** Rows outlive what wrote them: one that is no JSON is shown as nothing. */
function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? null : JSON.parse(text)
  } catch {
    return null
  }
}

export function jobView(job: Job) {
  const context = parsed(job.context) as { threadId?: string | null; turnId?: string | null } | null
  return {
    id: job.id,
    type: job.type,
    version: job.version,
    projectId: job.owner,
    sourceSessionId: job.source ?? null,
    priority: job.lane,
    state: job.state,
    dedupeKey: job.dedupeKey ?? null,
    payload: parsed(job.payload) ?? {},
    result: parsed(job.result),
    error: job.error ?? null,
    attempts: job.attempt,
    maxAttempts: job.maxAttempts,
    createdAt: iso(job.createdAt),
    startedAt: at(job.startedAt),
    completedAt: at(job.completedAt),
    cancelRequestedAt: at(job.cancelRequestedAt),
    nextAttemptAt: at(job.nextAttemptAt),
    lastAttemptAt: at(job.lastAttemptAt),
    runningContext: { threadId: context?.threadId ?? null, turnId: context?.turnId ?? null },
    progress: parsed(job.progress),
    retryOf: job.retryOf ?? null,
  }
}
export type JobView = ReturnType<typeof jobView>

/** Every attempt with who made it, when, and how it ended; the last one's end is the job's own. */
export function attemptsView(job: Job) {
  const isTold = job.attempt === 0 || job.history.some(({ attempt }) => attempt === job.attempt)
  const last: Attempt[] = isTold ? [] : [lastOf(job)]
  return [...job.history, ...last].map(({ startedAt, endedAt, ...rest }) => ({
    ...rest,
    startedAt: at(startedAt ?? undefined),
    endedAt: at(endedAt ?? undefined),
  }))
}

const lastOf = (job: Job): Attempt => ({
  attempt: job.attempt,
  owner: job.claimedBy ?? null,
  startedAt: job.lastAttemptAt ?? null,
  endedAt: isOver(job.state) ? (job.completedAt ?? null) : null,
  outcome: job.state,
  error: job.error ?? null,
})

/** The payload of a frame; `more` is what its kind carries. */
export const jobFrame = (job: Job, more: object = {}) => ({
  jobId: job.id,
  projectId: job.owner,
  jobType: job.type,
  state: job.state,
  ...(job.source !== undefined && { sourceSessionId: job.source }),
  ...more,
})
/** What a frame says of the job's end. */
export function endOf(job: Job): object {
  return job.state === "completed" ? { result: parsed(job.result) } : { error: job.error ?? "" }
}
