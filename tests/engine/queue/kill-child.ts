// A program with a busy queue that says what was acknowledged and what ended, each once it is committed, until it is killed.
// With `finish` it takes nothing new and leaves when all is over. Runs on Bun and Node.

import { systemClock } from "../../../src/base/kit/clock.ts"
import { newId } from "../../../src/base/kit/ids.ts"
import { openDb } from "../../../src/base/storage/database.ts"
import { migrate } from "../../../src/base/storage/migrate.ts"
import { MIGRATIONS } from "../../../src/base/storage/migrations/index.ts"
import type { Effect, SqlDriver } from "../../../src/base/storage/port.ts"
import type { Moved } from "../../../src/engine/queue/board.ts"
import { isOver, jobKind } from "../../../src/engine/queue/job.ts"
import { createQueue } from "../../../src/engine/queue/queue.ts"

async function openDriver(path: string): Promise<SqlDriver> {
  if (process.versions.bun)
    return (await import("../../../src/base/storage/bun-driver.ts")).openBunDriver(path)
  return (await import("../../../src/base/storage/node-driver.ts")).openNodeDriver(path)
}

const [path = "", mode = "busy"] = process.argv.slice(2)
const say = (line: string): Promise<void> =>
  new Promise((resolve) => process.stdout.write(`${line}\n`, () => resolve()))

const driver = await openDriver(path)
migrate(driver, MIGRATIONS)
const db = openDb({ driver, clock: systemClock })
db.attach({
  write: () => undefined,
  committed(effects: Effect[]) {
    for (const moved of effects as Moved[])
      if (moved.kind === "job" && moved.is && isOver(moved.is)) void say(`end ${moved.job.id} ${moved.is}`)
  },
})

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
const work = jobKind<{ turns: number; fails: number }>({
  version: 1,
  lane: "interactive",
  dedupe: "none",
  maxAttempts: 3,
  timeoutMs: 60_000,
  graceMs: 100,
  isRetryable: () => true,
  backoff: { firstMs: 1, capMs: 5, jitter: 1 },
  atShutdown: "requeue",
  parse: (payload) => payload as { turns: number; fails: number },
  async run({ turns, fails }, { job, signal, progress }) {
    for (let i = 0; i < turns && !signal.aborted; i++) {
      await turn()
      if (i % 5 === 4) await progress({ stage: `${i}` })
    }
    if (job.attempt <= fails) throw new Error("not yet")
    return { turns }
  },
})
const queue = createQueue({
  db,
  clock: systemClock,
  worker: newId(),
  newId,
  kinds: { work },
  rules: {
    concurrency: 8,
    perOwner: 1,
    limits: { perOwner: 50, total: 400 },
    agingMs: 5,
    burst: 3,
    keep: { perOwner: 1e9, maxAgeMs: 1e12 },
  },
  tell: () => undefined,
  onFault: (error) => void say(`fault ${error}`),
})
await queue.start()
if (mode === "finish") {
  while (queue.stats().queued + queue.stats().running > 0) await turn()
  await say("finished")
  process.exit(0)
}

async function busy(lane: number): Promise<void> {
  for (let i = lane; ; i += 4) {
    const payload = { turns: i % 12, fails: i % 7 === 0 ? 3 : i % 5 === 0 ? 1 : 0 }
    const spec = {
      type: "work",
      owner: `o${i % 11}`,
      payload,
      lane: i % 3 ? "interactive" : "background",
    } as const
    try {
      const { job } = await queue.enqueue(spec)
      await say(`ack ${job.id}`)
      if (i % 9 === 0) await queue.cancel(job.id, "by hand")
    } catch {
      // Full: the next turn has room.
      await turn()
    }
  }
}
await Promise.all([0, 1, 2, 3].map(busy))
