// The plan of `codexd backup`, `verify` and `restore`: they open what a daemon would open, beside it or in its place.

import type { Config } from "./base/config/config.ts"
import { placesOf } from "./base/config/places.ts"
import { renewLogId } from "./base/events/rows/store.ts"
import { type Clock, iso } from "./base/kit/clock.ts"
import { ensurePrivateFolder } from "./base/platform/files.ts"
import { exists } from "./base/platform/folders.ts"
import type { Platform } from "./base/platform/port.ts"
import { createProcesses } from "./base/platform/processes.ts"
import { backUp, rowsOf } from "./base/storage/backup/backup.ts"
import { restore } from "./base/storage/backup/restore.ts"
import { verify } from "./base/storage/backup/verify.ts"
import { openDb } from "./base/storage/database.ts"
import { holdDataLock } from "./base/storage/lock.ts"
import { migrate } from "./base/storage/migrate.ts"
import { MIGRATIONS } from "./base/storage/migrations/index.ts"
import type { SqlDriver } from "./base/storage/port.ts"
import type { Keeping } from "./edge/cli/needs.ts"

export interface KeepingNeeds {
  platform: Platform
  clock: Clock
  version: string
}

export function createKeeping({ platform, clock, version }: KeepingNeeds): Keeping {
  const open = platform.openDatabase
  const verified = (path: string) => verify({ open, path, newest: MIGRATIONS.length })
  return {
    backup(config, path) {
      const { database } = placesOf(config)
      if (!exists(database)) throw new Error(`there is no database in ${config.dataDir}: nothing to back up`)
      const driver = open(database)
      try {
        return backUp({ driver, open, path, version, at: iso(clock.now()) })
      } finally {
        driver.close()
      }
    },
    verify: verified,
    restore(config, from) {
      const { problems } = verified(from)
      if (problems.length > 0) throw new Error(`${from} is not restored: ${problems.join("; ")}`)
      ensurePrivateFolder(config.dataDir)
      using _lock = holdDataLock(config.dataDir, createProcesses().self)
      const { database } = placesOf(config)
      const aside = `${database}.before-restore-${stampOf(clock)}`
      const had = exists(database)
      let tokens = 0
      const prepare = (driver: SqlDriver) => {
        tokens = renew(driver, { config, clock })
      }
      restore({ open, from, database, aside, prepare })
      return { aside: had ? aside : undefined, tokens }
    },
  }
}

/** Brought to our schema, and its log gets another id: what listeners saw of the old one says nothing about this one (decisions 3). Answers how many named tokens and logins it knows. */
function renew(driver: SqlDriver, { config, clock }: { config: Config; clock: Clock }): number {
  migrate(driver, MIGRATIONS)
  const db = openDb({ driver, clock, sync: config.storageSync })
  const renewed = db.actNow(renewLogId)
  if (!renewed.ok) throw renewed.error
  return rowsOf(driver).api_tokens ?? 0
}

/** For the name of a file. */
export const stampOf = (clock: Clock): string => iso(clock.now()).replace(/[-:]|\.\d+/g, "")
