// What a start does to a data folder: a copy before an upgrade, of the last few; and on a full disk the spare file makes room.

import { expect, test } from "bun:test"
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import type { Config } from "../../src/base/config/config.ts"
import { createManualClock } from "../../src/base/kit/manual-clock.ts"
import { createLogger, createMasks } from "../../src/base/observe/logger.ts"
import { createBunPlatform } from "../../src/base/platform/bun.ts"
import type { Platform } from "../../src/base/platform/port.ts"
import { migrate } from "../../src/base/storage/migrate.ts"
import { MIGRATIONS } from "../../src/base/storage/migrations/index.ts"
import { openStore } from "../../src/flow/store.ts"
import { createKeeping } from "../../src/keeping.ts"
import { testFolder } from "../support/program.ts"

const platform = createBunPlatform()

function place(given: Platform = platform) {
  const folder = testFolder("store")
  const clock = createManualClock()
  const config = { dataDir: join(folder.path, "data"), storageSync: "normal" } as Config
  const lines: string[] = []
  const logger = createLogger({
    clock,
    level: "info",
    write: (line) => void lines.push(line),
    mask: createMasks(),
  })
  const start = () => openStore({ config, platform: given, clock, logger, version: "2.0.0", pid: 1 })
  const spare = join(config.dataDir, "spare")
  return { folder, clock, config, lines, start, spare, backups: join(config.dataDir, "backups") }
}

/** A database as the first `count` migrations leave it. */
function older(dataDir: string, count: number): void {
  const driver = platform.openDatabase(join(dataDir, "codexd.db"))
  migrate(driver, MIGRATIONS.slice(0, count))
  driver.close()
}

test("an older database is copied before it is brought up, the last three times; a new or current one is not", async () => {
  const { folder, clock, config, start, backups, lines } = place()
  using _folder = folder
  await (await start())[Symbol.asyncDispose]()
  await (await start())[Symbol.asyncDispose]()
  expect(existsSync(backups)).toBe(false)
  const keeping = createKeeping({ platform, clock, version: "2.0.0" })
  for (const count of [1, 3, 5, 7]) {
    for (const end of ["", "-wal", "-shm"])
      await Bun.file(join(config.dataDir, `codexd.db${end}`))
        .delete()
        .catch(() => {})
    older(config.dataDir, count)
    clock.turn(1_000)
    // What a kill in the middle of a copy leaves.
    mkdirSync(backups, { recursive: true })
    await Bun.write(join(backups, `schema-${count}-20260101T000000Z.db.0193.draft`), "half")
    await (await start())[Symbol.asyncDispose]()
  }
  const copies = readdirSync(backups).filter((name) => name.endsWith(".db"))
  expect(copies.map((name) => name.split("-")[1]).sort()).toEqual(["3", "5", "7"])
  expect(readdirSync(backups)).toHaveLength(6)
  for (const copy of copies) {
    const { problems, manifest } = keeping.verify(join(backups, copy))
    expect([problems, manifest?.schema]).toEqual([[], Number(copy.split("-")[1])])
  }
  expect(lines.filter((line) => line.includes("a copy was kept"))).toHaveLength(4)
})

test("an upgrade without room for the copy is not begun", async () => {
  const failing: Platform = {
    ...platform,
    openDatabase(path) {
      const driver = platform.openDatabase(path)
      const prepare: typeof driver.prepare = (sql) => {
        if (sql.startsWith("VACUUM")) throw new Error("database or disk is full")
        return driver.prepare(sql)
      }
      return {
        ...driver,
        prepare,
        get inTransaction() {
          return driver.inTransaction
        },
      }
    },
  }
  const { folder, config, start, backups } = place(failing)
  using _folder = folder
  await (await start())[Symbol.asyncDispose]()
  await Bun.file(join(config.dataDir, "codexd.db")).delete()
  older(config.dataDir, 2)
  await expect(start()).rejects.toThrow("the copy that is made before an upgrade can't be written")
  expect(readdirSync(backups)).toEqual([])
  const driver = platform.openDatabase(join(config.dataDir, "codexd.db"))
  expect(driver.prepare("PRAGMA user_version").get()?.user_version).toBe(2)
  driver.close()
})

test("where the database finds no room the spare file is given up, and made again at the stop", async () => {
  let full = false
  const tight: Platform = {
    ...platform,
    openDatabase(path) {
      // As SQLite says it when the journal can't be made.
      if (full && existsSync(spare))
        throw Object.assign(new Error("database or disk is full"), { errcode: 13 })
      return platform.openDatabase(path)
    },
  }
  const { folder, start, spare, lines } = place(tight)
  using _folder = folder
  const first = await start()
  expect(existsSync(spare)).toBe(false)
  first.setAside()
  expect(statSync(spare)).toMatchObject({ size: 1 << 20 })
  expect(statSync(spare).mode & 0o777).toBe(0o600)
  await first[Symbol.asyncDispose]()
  full = true
  const second = await start()
  expect(lines.some((line) => line.includes("the spare file was given up"))).toBe(true)
  full = false
  await second[Symbol.asyncDispose]()
  expect(existsSync(spare)).toBe(true)
})
