// A job: its row, its moves, what its kind must say about it, and what its run is given. The queue knows nothing else of
// the work: owners, types and payloads are words and JSON to it.

import type { Backoff } from "../../base/kit/backoff.ts"
import type { Tx } from "../../base/storage/port.ts"

/**
 *  queued ─claim─▶ running ─complete─▶ completed      queued ─fail─▶ failed (its row or type can't be understood)
 *     ▲               ├─fail────▶ failed              queued ─cancel─▶ canceled
 *     └────requeue────┼─cancel──▶ canceled            what is over stays so: a retry by hand is a new job
 */
export const MOVES = {
  queued: { claim: "running", fail: "failed", cancel: "canceled" },
  running: { complete: "completed", fail: "failed", cancel: "canceled", requeue: "queued" },
  completed: {},
  failed: {},
  canceled: {},
} as const

export type JobState = keyof typeof MOVES
export type Lane = "interactive" | "background"
export const STATES = Object.keys(MOVES) as JobState[]
export const isOver = (state: JobState): boolean => Object.keys(MOVES[state]).length === 0

export interface Job {
  /** Grows with every job. */
  n: number
  id: string
  type: string
  version: number
  /** Whom it is fair to: one owner's jobs run one after the other. */
  owner: string
  /** What it came from; a word of the caller's. */
  source: string | undefined
  lane: Lane
  state: JobState
  dedupeKey: string | undefined
  /** JSON. */
  payload: string
  /** JSON. */
  result: string | undefined
  error: string | undefined
  /** How many have begun. */
  attempt: number
  maxAttempts: number
  claimedBy: string | undefined
  /** Epoch milliseconds, like all that end in At. */
  createdAt: number
  startedAt: number | undefined
  lastAttemptAt: number | undefined
  nextAttemptAt: number | undefined
  cancelRequestedAt: number | undefined
  completedAt: number | undefined
  /** JSON: where its run is at work. */
  context: string | undefined
  /** JSON: what it said last. */
  progress: string | undefined
  history: Attempt[]
  /** The job that this one repeats. */
  retryOf: string | undefined
}

export interface Attempt {
  attempt: number
  owner: string | null
  startedAt: number | null
  endedAt: number | null
  outcome: JobState | "retried" | "recovered" | "shutdown"
  error: string | null
}

export type Dedupe = "single_flight" | "drop_duplicate" | "merge_duplicate" | "none"

export interface NewJob {
  type: string
  owner: string
  payload: unknown
  source?: string | undefined
  lane?: Lane | undefined
  dedupeKey?: string | undefined
  dedupe?: Dedupe | undefined
  maxAttempts?: number | undefined
  /** Epoch milliseconds; not before. */
  runAt?: number | undefined
  retryOf?: string | undefined
}

/** `merged`: an older one has its payload now. `already_queued`, `duplicate`: the older one is answered. */
export interface Added {
  job: Job
  outcome: "enqueued" | "already_queued" | "duplicate" | "merged"
}

/** Why a run is asked to stop. */
export type StopCause = "cancel" | "timeout" | "shutdown"

/** What a run holds. Whatever it says after its attempt is over is dropped. */
export interface Running {
  job: Job
  /** Aborted when the run shall stop; the reason is a StopCause. */
  signal: AbortSignal
  /** Kept with the job and told. */
  progress(value: object): Promise<void>
  log(text: string): Promise<void>
  /** Where it works, for whoever looks at the job meanwhile. */
  note(context: object): Promise<void>
}

/** One payload, understood. */
export interface Work {
  run(job: Running): Promise<unknown>
  /** Stops what the run has begun elsewhere. The run itself is told by its signal, and has `graceMs` to end. */
  interrupt?(job: Running, cause: StopCause): Promise<void> | void
}

export interface JobKind {
  version: number
  lane: Lane
  dedupe: Dedupe
  maxAttempts: number
  timeoutMs: number
  graceMs: number
  /** Throws, with a text for people, for a payload that doesn't fit. */
  open(payload: unknown): Work
  /** Others are fatal. A timeout and a daemon that died are retried without asking. */
  isRetryable(error: unknown): boolean
  /** The first retry comes at once; `backoff` is for those after it. */
  backoff: Backoff
  /** What a stop of the daemon does to a running one. */
  atShutdown: "cancel" | "requeue"
  /** Within the act that ends the job, however it ends. */
  settled?(tx: Tx, job: Job): void
}

export type JobKinds = Readonly<Record<string, JobKind>>

/** A kind whose work gets its payload parsed. */
export function jobKind<P>({
  parse,
  run,
  interrupt,
  ...rules
}: Omit<JobKind, "open"> & {
  parse(payload: unknown): P
  run(payload: P, job: Running): Promise<unknown>
  interrupt?(payload: P, job: Running, cause: StopCause): Promise<void> | void
}): JobKind {
  return {
    ...rules,
    open(payload) {
      const parsed = parse(payload)
      return {
        run: (job) => run(parsed, job),
        ...(interrupt && { interrupt: (job: Running, cause: StopCause) => interrupt(parsed, job, cause) }),
      }
    },
  }
}
