// The data folder opened: its lock, the mark file and the database, in the order in which they need each other. A database of
// an older codexd is copied before it is changed; on a full disk the spare file makes the room that a start needs.

import type { Config } from "../base/config/config.ts"
import { type Places, placesOf } from "../base/config/places.ts"
import type { Clock } from "../base/kit/clock.ts"
import { iso } from "../base/kit/clock.ts"
import { TIMERS } from "../base/kit/timers.ts"
import type { Logger } from "../base/observe/logger.ts"
import { type Block, claimFolder, ensurePrivateFolder, openBlock } from "../base/platform/files.ts"
import type { Platform } from "../base/platform/port.ts"
import { openSpare } from "../base/platform/spare.ts"
import { keepNewest } from "../base/platform/whole-files.ts"
import { backUp } from "../base/storage/backup/backup.ts"
import { beginDatabase } from "../base/storage/begin.ts"
import { openDb } from "../base/storage/database.ts"
import { holdDataLock } from "../base/storage/lock.ts"
import { migrate, schemaBehind } from "../base/storage/migrate.ts"
import { MIGRATIONS } from "../base/storage/migrations/index.ts"
import type { Db, SqlDriver } from "../base/storage/port.ts"
import { lacksRoom } from "../base/storage/sqlite.ts"

export interface StoreNeeds {
  config: Config
  platform: Platform
  clock: Clock
  logger: Logger
  version: string
  /** Ours, for the lock. */
  pid: number
  onCommit?(ms: number): void
}

export interface Store extends AsyncDisposable {
  db: Db
  mark: Block
  /** Makes the spare file, where it is missing: not before people are let in. */
  setAside(): void
}

/** Copies made before upgrades. */
const KEPT_BACKUPS = 3

/** Throws when the folder can't be used, another daemon holds it, or the database is newer than this program. */
export async function openStore(needs: StoreNeeds): Promise<Store> {
  const { config, clock, logger, pid } = needs
  await using scope = new AsyncDisposableStack()
  const places = placesOf(config)
  openFolder(config.dataDir, logger)
  scope.use(holdDataLock(config.dataDir, pid, (error) => logger.warn("the lock does not say who", { error })))
  const spare = openSpare(places.spare)
  // From what the journal leaves when it goes, before somebody else takes it.
  scope.defer(() => spare.make("anyway"))
  // Outlives the database, whose last commit may still write to it.
  const mark = scope.use(openBlock(places.mark))
  const db = openDatabase(needs, places, () => {
    const given = spare.give()
    if (given) logger.warn("the disk is full: the spare file was given up so that the database can be opened")
    return given
  })
  scope.defer(() => db.close())
  scope.use(clock.every(TIMERS.retentionMs, () => spare.make()))
  const built = scope.move()
  return { db, mark, setAside: () => spare.make(), [Symbol.asyncDispose]: () => built.disposeAsync() }
}

/** Once more where there was no room and `makeRoom` made some. */
function openDatabase(needs: StoreNeeds, places: Places, makeRoom: () => boolean): Db {
  const { platform, clock, config, logger, onCommit } = needs
  const attempt = (): Db => {
    if (platform.newDatabase) beginDatabase(places.database, platform.newDatabase)
    const driver = platform.openDatabase(places.database)
    try {
      copyBeforeUpgrade(needs, places, driver)
      migrate(driver, MIGRATIONS)
      return openDb({ driver, clock, sync: config.storageSync, log: logger, ...(onCommit && { onCommit }) })
    } catch (error) {
      driver.close()
      throw error
    }
  }
  try {
    try {
      return attempt()
    } catch (error) {
      if (!lacksRoom(error) || !makeRoom()) throw error
      return attempt()
    }
  } catch (error) {
    throw new Error(`${places.database} can't be opened: ${textOf(error)}`, { cause: error })
  }
}

/** Throws when there is no room for it: an upgrade without a way back is not begun. */
function copyBeforeUpgrade(needs: StoreNeeds, { backups }: Places, driver: SqlDriver): void {
  const { platform, clock, logger, version } = needs
  const schema = schemaBehind(driver, MIGRATIONS.length)
  if (schema === undefined) return
  ensurePrivateFolder(backups)
  const at = iso(clock.now())
  const path = `${backups}/schema-${schema}-${at.replace(/[-:]|\.\d+/g, "")}.db`
  // What a kill in the middle of the last one left.
  keepNewest(backups, { begins: "schema-", ends: ".draft", keep: 0, beside: [] })
  try {
    backUp({ driver, open: platform.openDatabase, path, version, at })
  } catch (error) {
    throw new Error(`the copy that is made before an upgrade can't be written: ${textOf(error)}`, {
      cause: error,
    })
  }
  keepNewest(backups, { begins: "schema-", ends: ".db", keep: KEPT_BACKUPS, beside: [".json"] })
  logger.info("the database is brought to a newer schema; a copy was kept", {
    schema,
    to: MIGRATIONS.length,
    path,
  })
}

/** Made where it is missing; a failure names the folder and its variable. */
function openFolder(path: string, logger: Logger): void {
  try {
    const was = claimFolder(path)
    if (was === undefined) return
    const mode = was.toString(8)
    logger.warn("the data folder was open to others and is yours alone now", { path, mode })
  } catch (error) {
    throw new Error(`the data folder ${path} can't be used (${textOf(error)}); see DATA_DIR and --data-dir`, {
      cause: error,
    })
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
