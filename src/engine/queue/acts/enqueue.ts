// How a job gets in: its kind must know its payload, its key may find a twin, and there must be room.

import { Fault } from "../../../base/fault.ts"
import type { Clock } from "../../../base/kit/clock.ts"
import type { Reader, Tx } from "../../../base/storage/port.ts"
import type { Board } from "../board.ts"
import {
  type Added,
  type Dedupe,
  isOver,
  type Job,
  type JobKind,
  type JobKinds,
  type NewJob,
} from "../job.ts"
import { textOf } from "../runner.ts"
import { insertJob, jobById, replacePayload, twinOf } from "../store.ts"

export interface EnqueueNeeds {
  clock: Clock
  board: Board
  kinds: JobKinds
  newId(): string
  limits: { perOwner: number; total: number }
  /** Within the act: a job is there that was not. */
  told(tx: Tx, job: Job): void
}

export function createEnqueue({ clock, board, kinds, newId, limits, told }: EnqueueNeeds) {
  function kindOf(type: string): JobKind {
    const kind = Object.hasOwn(kinds, type) ? kinds[type] : undefined
    if (!kind) throw new Fault("unknown_job_type", `there is no job type ${type}`, { type })
    return kind
  }

  /** Throws `unknown_job_type`, `invalid_payload`, `queue_full`. */
  function add(tx: Tx, given: NewJob): Added {
    const kind = kindOf(given.type)
    const payload = textOfPayload(kind, given.payload)
    const twin = findTwin(tx, given, given.dedupe ?? kind.dedupe)
    if (twin) return meet(tx, { twin, given, kind })
    refuseFull(given.owner)
    return { job: insert(tx, given, { kind, payload }), outcome: "enqueued" }
  }

  /** Throws `unknown_job_type`, `invalid_payload`. */
  function check(type: string, payload: unknown): void {
    textOfPayload(kindOf(type), payload)
  }

  function meet(tx: Tx, { twin, given, kind }: { twin: Job; given: NewJob; kind: JobKind }): Added {
    if (isOver(twin.state)) return { job: twin, outcome: "duplicate" }
    const mode = given.dedupe ?? kind.dedupe
    if (mode === "drop_duplicate") return { job: twin, outcome: "duplicate" }
    if (mode !== "merge_duplicate") return { job: twin, outcome: "already_queued" }
    const merged = { ...(JSON.parse(twin.payload) as object), ...(given.payload as object) }
    const job = replacePayload(tx, twin.n, textOfPayload(kind, merged))
    return { job: job ?? twin, outcome: "merged" }
  }

  function refuseFull(owner: string): void {
    const { total, own } = board.depth(owner)
    if (total < limits.total && own < limits.perOwner) return
    const which = own >= limits.perOwner ? `${own} of this owner` : `${total}`
    throw new Fault("queue_full", `the queue is full: ${which} jobs wait or run`, {})
  }

  function insert(tx: Tx, given: NewJob, { kind, payload }: { kind: JobKind; payload: string }): Job {
    const now = clock.now()
    const waits = given.runAt !== undefined && given.runAt > now
    const row = {
      id: newId(),
      type: given.type,
      version: kind.version,
      owner: given.owner,
      source: given.source,
      lane: given.lane ?? kind.lane,
      dedupeKey: given.dedupeKey,
      payload,
      maxAttempts: given.maxAttempts ?? kind.maxAttempts,
      createdAt: now,
      nextAttemptAt: waits ? given.runAt : undefined,
      retryOf: given.retryOf,
    }
    const n = insertJob(tx, row)
    const job: Job = { ...FRESH, ...row, n }
    board.move(tx, { kind: "job", job, was: undefined, is: "queued", waitsUntil: row.nextAttemptAt })
    told(tx, job)
    return job
  }

  /** A new job like one that failed or was canceled; undefined for one that can't be repeated. */
  function again(tx: Tx, id: string): Added | "not_found" | "not_over" {
    const job = jobById(tx, id)
    if (!job) return "not_found"
    if (job.state !== "failed" && job.state !== "canceled") return "not_over"
    const { type, owner, source, lane, dedupeKey, maxAttempts } = job
    const dedupe: Dedupe | undefined = kinds[type]?.dedupe === "drop_duplicate" ? "single_flight" : undefined
    const like = { type, owner, source, lane, dedupeKey, maxAttempts, dedupe }
    return add(tx, { ...like, payload: parsed(job), retryOf: id })
  }

  return { add, again, check }
}

const FRESH = {
  state: "queued",
  result: undefined,
  error: undefined,
  attempt: 0,
  claimedBy: undefined,
  startedAt: undefined,
  lastAttemptAt: undefined,
  cancelRequestedAt: undefined,
  completedAt: undefined,
  context: undefined,
  progress: undefined,
  history: [],
} as const satisfies Partial<Job>

function findTwin(db: Reader, { owner, type, dedupeKey: key }: NewJob, mode: Dedupe): Job | undefined {
  if (key === undefined || mode === "none") return undefined
  return twinOf(db, { owner, type, key, any: mode === "drop_duplicate" })
}

/** As JSON, once its kind has understood it. */
function textOfPayload(kind: JobKind, payload: unknown): string {
  try {
    kind.open(payload)
    return JSON.stringify(payload)
  } catch (error) {
    throw new Fault("invalid_payload", `the job's payload can't be used: ${textOf(error)}`)
  }
}

function parsed(job: Job): unknown {
  try {
    return JSON.parse(job.payload)
  } catch {
    throw new Fault("invalid_payload", "the job's payload can't be read any more")
  }
}
