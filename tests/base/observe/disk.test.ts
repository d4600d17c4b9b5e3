// Disk use as health tells it: real files, sizes that are those of the file system.

import { expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createManualClock } from "../../../src/base/kit/manual-clock.ts"
import { createDisk } from "../../../src/base/observe/disk.ts"
import { freeBytes } from "../../../src/base/platform/disk.ts"
import { openBunDriver } from "../../../src/base/storage/bun-driver.ts"
import { openDb } from "../../../src/base/storage/database.ts"

test("database, journal, logs and folder by their sizes, looked at anew after five seconds", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "codexd-disk-"))
  const clock = createManualClock()
  const places = { database: join(dataDir, "a.db"), logs: join(dataDir, "logs") }
  const driver = openBunDriver(places.database)
  const db = openDb({ driver, clock })
  const disk = createDisk({ db, clock, dataDir, places })
  db.actNow((tx) => void tx.run("CREATE TABLE t (x TEXT)"))
  const first = disk.report()
  expect(first).toMatchObject({ databaseFreeBytes: 0, logsBytes: null })
  expect(first.walBytes).toBeGreaterThan(0)
  mkdirSync(join(places.logs, "deep"), { recursive: true })
  writeFileSync(join(places.logs, "deep", "x.log"), "x".repeat(1_000))
  expect(disk.report()).toBe(first)
  clock.turn(5_001)
  const second = disk.report()
  expect(second.logsBytes).toBe(1_000)
  expect(second.dataDirBytes).toBeGreaterThanOrEqual(1_000 + (second.databaseBytes ?? 0))
  expect(second.freeBytes).toBeGreaterThan(0)
  expect(freeBytes(join(dataDir, "nowhere"))).toBeNull()
  db.actNow((tx) => void tx.run("INSERT INTO t VALUES (?)", "y".repeat(100_000)))
  db.actNow((tx) => void tx.run("DELETE FROM t"))
  clock.turn(5_001)
  expect(disk.report().databaseFreeBytes).toBeGreaterThan(90_000)
  await db.close()
  rmSync(dataDir, { recursive: true })
})
