// A queue over a real database, with a clock that is turned by hand and kinds of work that end when a test says so.

import assert from "node:assert/strict"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createManualClock } from "../../../src/base/kit/manual-clock.ts"
import { openDb } from "../../../src/base/storage/database.ts"
import { migrate } from "../../../src/base/storage/migrate.ts"
import { MIGRATIONS } from "../../../src/base/storage/migrations/index.ts"
import type { SqlDriver, Tx } from "../../../src/base/storage/port.ts"
import {
  type Job,
  type JobKind,
  jobKind,
  type Running,
  type StopCause,
} from "../../../src/engine/queue/job.ts"
import { createQueue, type QueueRules } from "../../../src/engine/queue/queue.ts"

export interface Run {
  job: Job
  payload: Record<string, unknown>
  says: Running
  done(result?: unknown): void
  fail(error: unknown): void
}

export interface Told {
  change: string
  id: string
  state: string
  more: object
}

export class Passing extends Error {}

export interface RigOptions {
  open(path: string): SqlDriver
  rules?: Partial<QueueRules>
  kind?: Partial<JobKind>
  worker?: string
  /** Called in the act that ends a job. */
  settled?(tx: Tx, job: Job): void
  /** A run begins. */
  heard?(job: Job): void
}

const RULES: QueueRules = {
  concurrency: 2,
  perOwner: 1,
  limits: { perOwner: 100, total: 500 },
  agingMs: 15_000,
  burst: 3,
  keep: { perOwner: 200, maxAgeMs: 86_400_000 },
}

/** A database with every table and no row: migrating anew for each test takes longer than the test. */
const template = { bytes: undefined as Uint8Array | undefined }

function migrated(path: string, open: RigOptions["open"]): SqlDriver {
  if (template.bytes === undefined) {
    const driver = open(`${path}.template`)
    migrate(driver, MIGRATIONS)
    driver.close()
    template.bytes = readFileSync(`${path}.template`)
  }
  if (!existsSync(path)) writeFileSync(path, template.bytes)
  const driver = open(path)
  migrate(driver, MIGRATIONS)
  return driver
}

export function makeFolder(): Disposable & { path: string } {
  const folder = mkdtempSync(join(tmpdir(), "codexd-queue-"))
  return {
    path: join(folder, "a.db"),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** The real event loop and a time that stands still. */
export function makeClock(startMs?: number) {
  const manual = createManualClock(startMs)
  return { ...manual, soon: (fn: () => void) => void setImmediate(fn) }
}

export function openRig(path: string, options: RigOptions, clock = makeClock()) {
  const driver = migrated(path, options.open)
  const db = openDb({ driver, clock })
  const runs: Run[] = []
  const stops: { id: string; cause: StopCause }[] = []
  const told: Told[] = []
  const faults: unknown[] = []
  const held = jobKind<Record<string, unknown>>({
    version: 1,
    lane: "interactive",
    dedupe: "single_flight",
    maxAttempts: 2,
    timeoutMs: 60_000,
    graceMs: 1_500,
    isRetryable: (error) => error instanceof Passing,
    backoff: { firstMs: 1_000, capMs: 60_000, jitter: 0 },
    atShutdown: "cancel",
    parse(payload) {
      if (typeof payload !== "object" || payload === null || "bad" in payload) throw new Error("bad payload")
      return payload as Record<string, unknown>
    },
    run(payload, says) {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>()
      options.heard?.(says.job)
      runs.push({ job: says.job, payload, says, done: resolve, fail: reject })
      if (payload.quick) resolve(payload.quick)
      return promise
    },
    interrupt: (_payload, { job }, cause) => void stops.push({ id: job.id, cause }),
    ...options.kind,
    ...(options.settled && { settled: options.settled }),
  })
  let id = 0
  const queue = createQueue({
    db,
    clock,
    worker: options.worker ?? "worker-1",
    newId: () => `${options.worker ?? "job"}-${++id}`,
    kinds: { work: held, other: held },
    rules: { ...RULES, ...options.rules },
    tell: (_tx, change, { job, ...more }) => void told.push({ change, id: job.id, state: job.state, more }),
    onFault: (error) => void faults.push(error),
  })
  const add = async (payload: Record<string, unknown> = {}, more: object = {}) =>
    (await queue.enqueue({ type: "work", owner: "P", payload, ...more })).job
  /** The run of a job, once it has begun. */
  async function runOf(id: string, attempt = 1): Promise<Run> {
    await until(() => runs.some(({ job }) => job.id === id && job.attempt === attempt))
    const run = runs.find(({ job }) => job.id === id && job.attempt === attempt)
    assert.ok(run)
    return run
  }
  const stateOf = (id: string) => queue.find(id)?.state
  /** Turns the clock and lets everything that follows happen. */
  async function turn(ms: number): Promise<void> {
    clock.turn(ms)
    await quiet()
  }
  return {
    ...{ driver, db, clock, queue, runs, stops, told, faults, add, runOf, stateOf, turn },
    toldOf: (id: string) => told.filter((one) => one.id === id).map((one) => one.change),
    /** Another writer: while it holds the lock, our commits fail at once. */
    another(): SqlDriver {
      driver.exec("PRAGMA busy_timeout = 0")
      return options.open(path)
    },
    /** As a kill: nothing is said goodbye to. */
    kill: () => driver.close(),
  }
}
export type Rig = ReturnType<typeof openRig>

const tick = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Looks after every turn of the event loop. The number is a net, not a time. */
export async function until(is: () => boolean): Promise<void> {
  for (let i = 0; i < 5_000; i++) {
    if (is()) return
    await tick()
  }
  assert.fail(`never came true: ${is}`)
}

/** Long enough for a commit, what follows from it, and the commit of that. */
export async function quiet(): Promise<void> {
  for (let i = 0; i < 12; i++) await tick()
}
