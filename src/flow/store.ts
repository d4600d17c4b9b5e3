// The data folder opened: its lock, the mark file and the database, in the order in which they need each other.

import type { Config } from "../base/config/config.ts"
import { placesOf } from "../base/config/places.ts"
import type { Clock } from "../base/kit/clock.ts"
import type { Logger } from "../base/observe/logger.ts"
import { type Block, ensurePrivateFolder, openBlock } from "../base/platform/files.ts"
import type { Platform } from "../base/platform/port.ts"
import { openDb } from "../base/storage/database.ts"
import { holdDataLock } from "../base/storage/lock.ts"
import { migrate } from "../base/storage/migrate.ts"
import { MIGRATIONS } from "../base/storage/migrations/index.ts"
import type { Db } from "../base/storage/port.ts"

export interface StoreNeeds {
  config: Config
  platform: Platform
  clock: Clock
  logger: Logger
  /** Ours, for the lock. */
  pid: number
  onCommit?(ms: number): void
}

export interface Store extends AsyncDisposable {
  db: Db
  mark: Block
}

/** Throws when the folder can't be used, another daemon holds it, or the database is newer than this program. */
export async function openStore(needs: StoreNeeds): Promise<Store> {
  const { config, platform, clock, logger, pid, onCommit } = needs
  await using scope = new AsyncDisposableStack()
  const { database, mark: markPath } = placesOf(config)
  openFolder(config.dataDir)
  scope.use(holdDataLock(config.dataDir, pid, (error) => logger.warn("the lock does not say who", { error })))
  // Outlives the database, whose last commit may still write to it.
  const mark = scope.use(openBlock(markPath))
  const driver = platform.openDatabase(database)
  const db = (() => {
    try {
      migrate(driver, MIGRATIONS)
      return openDb({ driver, clock, sync: config.storageSync, log: logger, ...(onCommit && { onCommit }) })
    } catch (error) {
      driver.close()
      throw new Error(`${database} can't be opened: ${textOf(error)}`, { cause: error })
    }
  })()
  scope.defer(() => db.close())
  const built = scope.move()
  return { db, mark, [Symbol.asyncDispose]: () => built.disposeAsync() }
}

/** Made where it is missing; a failure names the folder and its variable. */
function openFolder(path: string): void {
  try {
    ensurePrivateFolder(path)
  } catch (error) {
    throw new Error(`the data folder ${path} can't be used (${textOf(error)}); see DATA_DIR and --data-dir`, {
      cause: error,
    })
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
