// The job queue beside two that can be installed, in the same run: the same no-op jobs with payloads of 230 bytes, NORMAL.
// `npm run bench queue [--rounds N] [--jobs N] [--deep N]`; --deep is how many finished jobs lie beside the claims.

import { Database } from "bun:sqlite"
import { mkdtempSync, rmSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { defineQueue, defineWorker, JobStatus, bun as plainjobOn } from "plainjob"
import { createLog } from "../../src/base/events/log.ts"
import { systemClock } from "../../src/base/kit/clock.ts"
import { newId } from "../../src/base/kit/ids.ts"
import { openBlock } from "../../src/base/platform/files.ts"
import { openBunDriver } from "../../src/base/storage/bun-driver.ts"
import { openDb } from "../../src/base/storage/database.ts"
import { migrate } from "../../src/base/storage/migrate.ts"
import { MIGRATIONS } from "../../src/base/storage/migrations/index.ts"
import { jobEvent } from "../../src/domain/events.ts"
import { type Job, jobKind } from "../../src/engine/queue/job.ts"
import { createQueue } from "../../src/engine/queue/queue.ts"
import { endOf, jobFrame } from "../../src/flow/jobs/view.ts"
import { median, option, out, percentile, table, thousands } from "./parts/figures.ts"

const rounds = option("rounds", 3)
const jobs = option("jobs", 20_000)
const deep = option("deep", 1_000_000)
const PLACES = 64
const OWNERS = option("owners", 8)
const PAYLOAD = { text: "x".repeat(218) }
const root = join(homedir(), ".cache", "codexd-tests")

const QUIET = { error() {}, warn() {}, info() {}, debug() {} }

interface Figures {
  enqueue: number
  drain: number
  cycle: number
  pickups: number[]
}
type Contender = (folder: string) => Promise<Figures>

const perSecond = (n: number, ms: number): number => (n * 1000) / ms
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

function openOurs(folder: string, { frames }: { frames: boolean }) {
  const driver = openBunDriver(join(folder, "a.db"))
  migrate(driver, MIGRATIONS)
  const db = openDb({ driver, clock: systemClock })
  const log = createLog({ db, clock: systemClock, mark: openBlock(join(folder, "log.mark")) })
  const begun = new Map<string, () => void>()
  const noop = jobKind<object>({
    version: 1,
    lane: "interactive",
    dedupe: "none",
    maxAttempts: 1,
    timeoutMs: 60_000,
    graceMs: 100,
    isRetryable: () => false,
    backoff: { firstMs: 1, capMs: 1, jitter: 0 },
    atShutdown: "cancel",
    parse: (payload) => payload as object,
    run: async (_payload, { job }) => begun.get(job.id)?.(),
  })
  const queue = createQueue({
    db,
    clock: systemClock,
    worker: newId(),
    newId,
    kinds: { noop },
    rules: {
      concurrency: PLACES,
      perOwner: PLACES / OWNERS,
      limits: { perOwner: 1e9, total: 1e9 },
      agingMs: 15_000,
      burst: 3,
      keep: { perOwner: 1e9, maxAgeMs: 1e12 },
    },
    tell(tx, change, { job }: { job: Job }) {
      if (!frames) return
      const more = change === "completed" ? endOf(job) : {}
      log.append(tx, jobEvent(change, { thread: null }, jobFrame(job, more)))
    },
    onFault: (error) => out(String(error)),
  })
  const add = (i: number) => queue.enqueue({ type: "noop", owner: `o${i % OWNERS}`, payload: PAYLOAD })
  const done = async () => {
    while (queue.stats().queued + queue.stats().running > 0) await turn()
  }
  return { driver, db, queue, add, done, begun }
}

const ours =
  (options: { frames: boolean }): Contender =>
  async (folder) => {
    const { db, queue, add, done, begun } = openOurs(folder, options)
    let at = performance.now()
    // As callers come: some at a time, each told when its own is stored.
    for (let i = 0; i < jobs; i += 100) await Promise.all(Array.from({ length: 100 }, (_, k) => add(i + k)))
    const enqueue = perSecond(jobs, performance.now() - at)
    at = performance.now()
    await queue.start()
    await done()
    const drain = perSecond(jobs, performance.now() - at)
    at = performance.now()
    for (let i = 0; i < jobs; i += 100) await Promise.all(Array.from({ length: 100 }, (_, k) => add(i + k)))
    await done()
    const cycle = perSecond(jobs, performance.now() - at)
    const pickups: number[] = []
    for (let i = 0; i < 2_000; i++) {
      const began = performance.now()
      const picked = Promise.withResolvers<void>()
      const { job } = await add(i)
      const stored = performance.now()
      begun.set(job.id, () => {
        pickups.push(performance.now() - stored)
        picked.resolve()
      })
      if (queue.find(job.id)?.state !== "queued") pickups.push(0)
      else await picked.promise
      begun.delete(job.id)
      void began
      await turn()
    }
    await queue.drain(1_000)
    await db.close()
    return { enqueue, drain, cycle, pickups }
  }

const plainjob: Contender = async (folder) => {
  const database = new Database(join(folder, "plain.db"), { strict: true })
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
  const queue = defineQueue({ connection: plainjobOn(database), logger: QUIET })
  const text = JSON.stringify(PAYLOAD)
  let heard = (_id: number): void => {}
  const work = () =>
    defineWorker("noop", async (job: { id: number }) => heard(job.id), {
      queue,
      pollIntervall: 10,
      logger: QUIET,
    })
  const empty = async () => {
    while (
      queue.countJobs({ status: JobStatus.Pending }) + queue.countJobs({ status: JobStatus.Processing }) >
      0
    )
      await turn()
  }
  let at = performance.now()
  for (let i = 0; i < jobs; i++) queue.add("noop", { text })
  const enqueue = perSecond(jobs, performance.now() - at)
  at = performance.now()
  const worker = work()
  void worker.start()
  await empty()
  const drain = perSecond(jobs, performance.now() - at)
  at = performance.now()
  for (let i = 0; i < jobs; i++) {
    queue.add("noop", { text })
    if (i % 100 === 99) await turn()
  }
  await empty()
  const cycle = perSecond(jobs, performance.now() - at)
  const pickups: number[] = []
  for (let i = 0; i < 200; i++) {
    const picked = Promise.withResolvers<void>()
    heard = () => picked.resolve()
    queue.add("noop", { text })
    const stored = performance.now()
    await picked.promise
    pickups.push(performance.now() - stored)
    await turn()
  }
  await worker.stop()
  queue.close()
  return { enqueue, drain, cycle, pickups }
}

// It opens one database for the whole process, the first that it is told.
const shared = mkdtempSync(join(root, "bench-queue-"))
const bunqueue: Contender = async () => {
  process.env.DATA_PATH = join(shared, "bunq.db")
  const { Queue, Worker } = await import("bunqueue/client")
  const few = Math.max(1_000, Math.round(jobs / 10))
  const name = newId()
  const queue = new Queue(name, { embedded: true, dataPath: join(shared, "bunq.db") } as never)
  let ran = 0
  let heard = (): void => {}
  const add = () => queue.add("noop", PAYLOAD, { durable: true, removeOnComplete: true } as never)
  const all = async (n: number) => {
    for (let i = 0; i < n; i += 100) await Promise.all(Array.from({ length: 100 }, add))
  }
  let at = performance.now()
  await all(few)
  const enqueue = perSecond(few, performance.now() - at)
  at = performance.now()
  const worker = new Worker(
    name,
    async () => {
      ran++
      heard()
    },
    { embedded: true, concurrency: PLACES } as never,
  )
  while (ran < few) await turn()
  const drain = perSecond(few, performance.now() - at)
  at = performance.now()
  await all(few)
  while (ran < 2 * few) await turn()
  const cycle = perSecond(few, performance.now() - at)
  const pickups: number[] = []
  for (let i = 0; i < 100; i++) {
    const picked = Promise.withResolvers<void>()
    heard = () => picked.resolve()
    await add()
    const stored = performance.now()
    await picked.promise
    pickups.push(performance.now() - stored)
  }
  await worker.close(true)
  queue.close()
  return { enqueue, drain, cycle, pickups }
}

/** Claims with 100,000 queued jobs beside many that are finished: microseconds a claim, the work between them left out. */
async function claimCost(folder: string): Promise<string> {
  const { driver, db, queue } = openOurs(folder, { frames: false })
  const fill = (n: number, state: string, rest: string, from: number): void =>
    driver.exec(`WITH RECURSIVE k (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < ${n})
      INSERT INTO jobs (id, type, version, owner, lane, state, waits, payload, attempt, max_attempts, created_at, completed_at)
      SELECT '${state}' || (i + ${from}), 'noop', 1, 'o' || (i % ${OWNERS}), 'interactive', '${state}', 0, '${JSON.stringify(PAYLOAD)}', 0, 1, i + ${from}, ${rest} FROM k`)
  // Some at a time: one transaction over all of them makes a WAL of a gigabyte.
  for (let from = 0; from < deep; from += 50_000) fill(Math.min(50_000, deep - from), "completed", "i", from)
  fill(100_000, "queued", "NULL", 0)
  driver.exec("PRAGMA wal_checkpoint(TRUNCATE)")
  await db.close()
  const again = openOurs(folder, { frames: false })
  const spent: number[] = []
  const claims: number[] = []
  // A claim's act takes along what waits (ends of those before it), and all share a commit: the claim by itself, and the whole, each
  // divided by the jobs that it took.
  const { actNow } = again.db
  again.db.actNow = (fn) => {
    let claimed = 0
    const at = performance.now()
    const outcome = actNow((tx) => {
      const began = performance.now()
      const value = fn(tx)
      claimed = performance.now() - began
      return value
    })
    const took = performance.now() - at
    const n = outcome.ok && Array.isArray(outcome.value) ? outcome.value.length : 0
    if (n === 0) return outcome
    spent.push((took * 1000) / n)
    claims.push((claimed * 1000) / n)
    return outcome
  }
  await again.queue.start()
  while (spent.length < 300) await turn()
  await again.queue.drain(1_000)
  await again.db.close()
  void queue
  const said = (figures: number[]): string => {
    const sorted = figures.toSorted((a, b) => a - b)
    return `p50 ${percentile(sorted, 0.5).toFixed(1)} µs, p99 ${percentile(sorted, 0.99).toFixed(1)} µs a job`
  }
  const beside = `with 100k queued and ${thousands(deep)} finished`
  return `claim ${beside}: ${said(claims)}; with its commit and what waited for it: ${said(spent)}`
}

const CONTENDERS: Record<string, Contender> = {
  codexd: ours({ frames: false }),
  "codexd with frames": ours({ frames: true }),
  plainjob,
  bunqueue,
}
const figures = new Map<string, Figures[]>(Object.keys(CONTENDERS).map((name) => [name, []]))
async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(root, "bench-queue-"))
  try {
    return await run(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
// Whoever comes first pays for what the others find warm: one unmeasured, then forwards and backwards in turn.
await inFolder(ours({ frames: true }))
for (let i = 0; i < rounds; i++) {
  const all = Object.entries(CONTENDERS)
  for (const [name, contender] of i % 2 === 0 ? all : all.reverse())
    figures.get(name)?.push(await inFolder(contender))
}
const of = (name: string, what: "enqueue" | "drain" | "cycle") =>
  median((figures.get(name) ?? []).map((one) => one[what]))
const rows = [...figures].map(([name, all]) => {
  const pickups = all.flatMap((one) => one.pickups).sort((a, b) => a - b)
  const rates = (["enqueue", "drain", "cycle"] as const).map((what) => thousands(of(name, what)))
  return [name, ...rates, percentile(pickups, 0.5).toFixed(2), percentile(pickups, 0.99).toFixed(2)]
})
out(table([["", "enqueue/s", "drain/s", "cycle/s", "pickup p50 ms", "p99 ms"], ...rows]))
for (const what of ["enqueue", "drain", "cycle"] as const)
  out(
    `${what} with frames: ${(of("codexd with frames", what) / of("codexd", what)).toFixed(2)} of the engine alone`,
  )
out(await inFolder(claimCost))
rmSync(shared, { recursive: true, force: true })
process.exit(0)
