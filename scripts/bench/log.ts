// How fast the log stores: ticks of 200 deltas (300-byte lines), against the same work without a store.
// bun scripts/bench/log.ts [ticks]

import { mkdtempSync, rmSync, statSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import type { NewEvent } from "../../src/base/events/event.ts"
import { createLog } from "../../src/base/events/log.ts"
import { systemClock } from "../../src/base/kit/clock.ts"
import { openBlock } from "../../src/base/platform/files.ts"
import { openDb } from "../../src/base/storage/database.ts"
import { migrate } from "../../src/base/storage/migrate.ts"
import { MIGRATIONS } from "../../src/base/storage/migrations/index.ts"
import type { SqlDriver } from "../../src/base/storage/port.ts"

const ticks = Number(process.argv[2] ?? 2000)
const PER_TICK = 200
const out = (line: string): void => void process.stdout.write(`${line}\n`)

async function openDriver(path: string): Promise<SqlDriver> {
  if (!process.versions.bun)
    return (await import("../../src/base/storage/node-driver.ts")).openNodeDriver(path)
  return (await import("../../src/base/storage/bun-driver.ts")).openBunDriver(path)
}

/** Lines as the child writes them: alike in shape, each its own text, made before the clock runs. */
function deltas(threads: number): NewEvent[] {
  const context = JSON.stringify({
    turnId: "0193b2f0-0000-7000-8000-000000000001",
    session: { id: "a", title: "t" },
  })
  return Array.from({ length: PER_TICK }, (_, i) => ({
    type: "app.notification",
    scope: "thread",
    thread: `0193b2f0-0000-7000-8000-00000000000${i % threads}`,
    class: "delta",
    context,
    body: JSON.stringify({ method: "item/agentMessage/delta", params: { i, delta: "word ".repeat(50) } }),
  }))
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(homedir(), ".cache", "codexd-bench-"))
  const path = join(folder, "a.db")
  const driver = await openDriver(path)
  migrate(driver, MIGRATIONS)
  const db = openDb({ driver, clock: systemClock })
  const log = createLog({ db, clock: systemClock, mark: openBlock(join(folder, "log.mark")) })
  let heard = 0
  log.onTold((events) => {
    heard += events.length
  })
  const rate = (name: string, run: () => void): void => {
    const began = performance.now()
    run()
    const ms = performance.now() - began
    out(
      `${name}: ${Math.round((ticks * PER_TICK) / ms)}k events/s, ${((ms * 1000) / ticks).toFixed(0)} µs a tick`,
    )
  }
  for (const threads of [1, 4]) {
    const events = deltas(threads)
    const stored = (): void => {
      for (let i = 0; i < ticks; i++) {
        db.actNow((tx) => {
          for (const event of events) log.append(tx, event)
        })
      }
    }
    const raw = events.map((event) => ({ ...event, stored: false as const }))
    const told = (): void => {
      for (let i = 0; i < ticks; i++) {
        db.actNow((tx) => {
          for (const event of raw) log.append(tx, event)
        })
      }
    }
    rate(`${threads} thread(s), stored  `, stored)
    rate(`${threads} thread(s), unstored`, told)
  }
  const [one] = deltas(1)
  const waits: number[] = []
  for (let i = 0; one && i < 5000; i++) {
    const began = performance.now()
    db.actNow((tx) => log.append(tx, one))
    waits.push((performance.now() - began) * 1000)
  }
  waits.sort((a, b) => a - b)
  const share = (part: number): string => `${waits[Math.floor(waits.length * part)]?.toFixed(0)} µs`
  out(`one delta a tick: p50 ${share(0.5)}, p99 ${share(0.99)}, p99.9 ${share(0.999)}`)
  const replayed = performance.now()
  let after = 0
  let count = 0
  for (let done = false; !done; ) {
    const page = log.page(after, { thread: null }, { maxEvents: 2000, maxBytes: 1 << 20 })
    after = page.events.at(-1)?.n ?? after
    count += page.events.length
    done = page.done
  }
  out(`replay: ${Math.round(count / (performance.now() - replayed))}k events/s (${count})`)
  const dropping = performance.now()
  const { droppedRows } = await log.retain({ maxAgeMs: 1e12, maxBytes: 1 << 20 })
  out(`retention: ${droppedRows} rows in ${Math.round(performance.now() - dropping)} ms, heard ${heard}`)
  out(
    `file ${Math.round(statSync(path).size / 2 ** 20)} MiB, wal ${Math.round(statSync(`${path}-wal`).size / 2 ** 20)} MiB`,
  )
  await db.close()
  rmSync(folder, { recursive: true })
}

await main()
