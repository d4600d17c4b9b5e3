// The queue: durable jobs, run one after the other for each owner and a few at a time altogether. It is woken by commits; the
// poll is a safety net. Every job that was acknowledged ends, once, as completed, failed or canceled.

import type { Clock } from "../../base/kit/clock.ts"
import { TIMERS } from "../../base/kit/timers.ts"
import type { Db, Reader } from "../../base/storage/port.ts"
import { lacksRoom } from "../../base/storage/sqlite.ts"
import { createClaim } from "./acts/claim.ts"
import { createEnds, type Tell } from "./acts/ends.ts"
import { createEnqueue } from "./acts/enqueue.ts"
import { createSweep, type Keep } from "./acts/sweep.ts"
import { createBoard, type Moved } from "./board.ts"
import { type Added, isOver, type Job, type JobKinds, type JobState, type NewJob } from "./job.ts"
import { createRunner } from "./runner.ts"
import {
  activeCounts,
  dropPause,
  jobById,
  jobsOfOwner,
  logsOf,
  nextDueAt,
  type PageAsk,
  pageOfJobs,
  pausesOf,
  runningClaims,
  writePause,
} from "./store.ts"

export interface QueueNeeds {
  db: Db
  clock: Clock
  /** Who claims: this run of the daemon. */
  worker: string
  newId(): string
  kinds: JobKinds
  rules: QueueRules
  /** Within the act that makes it true. */
  tell: Tell
  onFault(error: unknown): void
}

export interface QueueRules {
  concurrency: number
  /** Of one owner at the same time. */
  perOwner: number
  limits: { perOwner: number; total: number }
  agingMs: number
  burst: number
  keep: Keep
}

const WHOLE = ""

export function createQueue({ db, clock, worker, newId, kinds, rules, tell, onFault }: QueueNeeds) {
  const board = createBoard({ db, onMoved })
  const waiters = new Map<string, Set<(job: Job | undefined) => void>>()
  let paused = new Set(pausesOf(db))
  let open = false
  let woken = false
  let due: { at: number; timer: Disposable } | undefined
  let pruning = false
  const scope = new DisposableStack()

  db.attach(board.ledger)
  board.load()

  const ends = createEnds({ db, clock, board, kinds, tell, onFault })
  const runner = createRunner({ clock, onFault, settle: ends.settle, says: ends.says })
  const sweep = createSweep({ db, clock, board, kinds, ended: ends.ended, holds: runner.holds })
  const claim = createClaim({
    clock,
    board,
    kinds,
    worker,
    rules,
    isPaused: (type) => paused.has(type),
    started: (tx, job) => tell(tx, "started", { job }),
    ended: ends.ended,
    onFault,
  })
  const { add, again, check } = createEnqueue({
    clock,
    board,
    kinds,
    newId,
    limits: rules.limits,
    told: (tx, job) => tell(tx, "queued", { job }),
  })

  // What commits bring.

  function onMoved(moves: Moved[]): void {
    for (const { job, is, waitsUntil } of moves) {
      if (waitsUntil !== undefined) arm(waitsUntil)
      if (is === undefined || isOver(is)) answer(job.id)
    }
    wake()
  }

  function answer(id: string): void {
    const hears = waiters.get(id)
    if (!hears) return
    waiters.delete(id)
    const job = jobById(db, id)
    for (const hear of hears) hear(job)
  }

  function wake(): void {
    if (woken || !open) return
    woken = true
    clock.soon(() => {
      woken = false
      pump()
    })
  }

  /** The alarm for the first of those that wait for their time. */
  function arm(at: number): void {
    if (!open || (due && due.at <= at)) return
    due?.timer[Symbol.dispose]()
    const timer = clock.after(Math.max(0, at - clock.now()), () => {
      due = undefined
      promote()
    })
    due = { at, timer }
  }

  function promote(): void {
    const at = nextDueAt(db)
    if (at === undefined) return
    if (at > clock.now()) {
      arm(at)
      return
    }
    db.act((tx) => sweep.promote(tx)).then(() => {
      const next = nextDueAt(db)
      if (next !== undefined) arm(next)
    }, onFault)
  }

  // From queued to running.

  /** Fills the free places. */
  function pump(): boolean {
    const free = rules.concurrency - runner.size
    if (!open || free <= 0 || paused.has(WHOLE) || !board.hasReady()) return false
    const claimed = db.actNow((tx) => claim(tx, free))
    if (!claimed.ok) {
      board.distrust()
      if (!lacksRoom(claimed.error)) onFault(claimed.error)
      return false
    }
    for (const job of claimed.value) begin(job)
    return claimed.value.length > 0
  }

  function begin(job: Job): void {
    const kind = Object.hasOwn(kinds, job.type) ? kinds[job.type] : undefined
    if (kind) runner.start(job, kind)
    else ends.settle(job, { is: "failed", error: `unknown_job_type:${job.type}` }).catch(onFault)
  }

  /** Idempotent. Undefined for a job that isn't there; `over` for one that had ended before. */
  async function cancel(id: string, reason: string): Promise<{ job: Job; over: boolean } | undefined> {
    const found = await db.act((tx) => ends.cancel(tx, id, reason))
    if (found?.job.state === "running") runner.stop(found.job.n, "cancel")
    return found
  }

  // The net.

  function poll(): void {
    runner.retry()
    const now = clock.now()
    if ((nextDueAt(db) ?? Infinity) <= now) promote()
    if (runningClaims(db).some((claim) => claim.leaseUntil < now && !runner.holds(claim.n))) takeBack()
    if (!pump() && runner.size < rules.concurrency && !board.agrees(activeCounts(db))) {
      board.load()
      pump()
    }
    if (board.surplus(rules.keep.perOwner).length > 0) prune()
  }

  /** Claims of nobody that is there. What else the board doesn't know of is learned with it. */
  function takeBack(): void {
    db.act((tx) => sweep.recover(tx, { all: false })).then(() => {
      board.load()
      wake()
    }, onFault)
  }

  function prune(): void {
    if (pruning) return
    pruning = true
    sweep
      .prune(rules.keep)
      .catch(onFault)
      .finally(() => {
        pruning = false
      })
  }

  return {
    /** Within the caller's act. Throws `queue_full`, `unknown_job_type`, `invalid_payload`. */
    add,
    /** Throws what `add` would throw of the type and its payload. */
    check,
    enqueue: (given: NewJob): Promise<Added> => db.act((tx) => add(tx, given)),
    cancel,
    /** A new job like one that failed or was canceled. */
    again: (id: string) => db.act((tx) => again(tx, id)),
    find: (id: string, reader: Reader = db): Job | undefined => jobById(reader, id),
    /** Oldest first, all that are kept. */
    ofOwner: (owner: string, state?: JobState): Job[] => jobsOfOwner(db, owner, state),
    /** Newest first. */
    page: (ask: PageAsk): Job[] => pageOfJobs(db, ask),
    logs: (job: Job) => logsOf(db, job.n),
    /** Resolves when the job is over, or gone (undefined); with the signal, to whatever it is then. */
    over(id: string, signal?: AbortSignal): Promise<Job | undefined> {
      const job = jobById(db, id)
      if (!job || isOver(job.state) || signal?.aborted) return Promise.resolve(job)
      const { promise, resolve } = Promise.withResolvers<Job | undefined>()
      const hears = waiters.get(id) ?? new Set()
      waiters.set(id, hears.add(resolve))
      signal?.addEventListener("abort", () => resolve(jobById(db, id)), { once: true })
      return promise.finally(() => void hears.delete(resolve))
    },
    /** No type: the whole queue. What runs goes on. Kept over restarts. */
    async pause(type: string = WHOLE): Promise<void> {
      await db.act((tx) => writePause(tx, type, clock.now()))
      paused = new Set(pausesOf(db))
    },
    async resume(type: string = WHOLE): Promise<void> {
      await db.act((tx) => dropPause(tx, type))
      paused = new Set(pausesOf(db))
      wake()
    },
    paused: () => ({ all: paused.has(WHOLE), types: [...paused].filter((type) => type !== WHOLE).sort() }),
    types: (): string[] => Object.keys(kinds),
    stats: () => ({ ...board.totals(), owners: board.owners(), held: runner.size }),
    /** Settles what a dead daemon left, then begins. */
    async start(): Promise<{ recovered: number; unknown: number }> {
      const found = await db.act((tx) => ({
        recovered: sweep.recover(tx, { all: true }),
        unknown: sweep.failUnknown(tx),
      }))
      open = true
      scope.use(clock.every(TIMERS.queuePollMs, poll))
      scope.use(clock.every(TIMERS.retentionMs, prune))
      promote()
      wake()
      return found
    },
    /** Starts nothing more. Those that run get `graceMs`, then they are stopped; what is queued stays. */
    async drain(graceMs: number): Promise<void> {
      open = false
      scope.dispose()
      due?.timer[Symbol.dispose]()
      const idle = runner.idle()
      await Promise.race([idle, elapsed(graceMs)])
      const left = runner.running()
      for (const { n } of left) runner.stop(n, "shutdown")
      const graces = left.map(({ type }) => kinds[type]?.graceMs ?? 0)
      await Promise.race([idle, elapsed(Math.max(0, ...graces) + TIMERS.queueStopSlackMs)])
    },
  }

  function elapsed(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    clock.after(ms, resolve)
    return promise
  }
}
export type Queue = ReturnType<typeof createQueue>
