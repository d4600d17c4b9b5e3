// A program that logs as fast as it can and says each number once it is acknowledged, until it is killed. Runs on Bun and Node.

import { join } from "node:path"
import { createLog } from "../../../src/base/events/log.ts"
import { systemClock } from "../../../src/base/kit/clock.ts"
import { openBlock } from "../../../src/base/platform/files.ts"
import { openDb } from "../../../src/base/storage/database.ts"
import { holdDataLock } from "../../../src/base/storage/lock.ts"
import { migrate } from "../../../src/base/storage/migrate.ts"
import { MIGRATIONS } from "../../../src/base/storage/migrations/index.ts"
import type { SqlDriver } from "../../../src/base/storage/port.ts"

async function openDriver(path: string): Promise<SqlDriver> {
  if (process.versions.bun)
    return (await import("../../../src/base/storage/bun-driver.ts")).openBunDriver(path)
  return (await import("../../../src/base/storage/node-driver.ts")).openNodeDriver(path)
}

const folder = process.argv[2] ?? ""
export const lock = holdDataLock(folder, process.pid)
const driver = await openDriver(join(folder, "a.db"))
migrate(driver, MIGRATIONS)
const db = openDb({ driver, clock: systemClock })
const log = createLog({ db, clock: systemClock, mark: openBlock(join(folder, "log.mark")), reserve: 512 })

for (let i = 0; ; i++) {
  const acts = Array.from({ length: 1 + (i % 7) }, (_, k) =>
    db.act((tx) =>
      log.append(tx, {
        type: "app.notification",
        scope: "thread",
        thread: `T${k % 3}`,
        class: k % 2 ? "delta" : "fact",
        context: "{}",
        body: JSON.stringify({ i, k, pad: "x".repeat(k * 100) }),
      }),
    ),
  )
  const events = await Promise.all(acts)
  const told: string[] = events.map(({ n, body }) => `stored ${n} ${body}\n`)
  // Now and then something that the database can't take.
  if (i % 50 === 49) {
    const hear = log.onTold(([event]) => told.push(`unstored ${event?.n}\n`))
    const [event] = events
    if (event) log.tellUnstored([{ ...event, class: "fact", stored: false }])
    hear[Symbol.dispose]()
  }
  // The pipe takes it before the next act: what the parent has read was acknowledged.
  await new Promise<void>((resolve) => process.stdout.write(told.join(""), () => resolve()))
}
