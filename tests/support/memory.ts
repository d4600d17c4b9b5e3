// A database in memory with every migration, whose acts are done at once.

import type { Clock } from "../../src/base/kit/clock.ts"
import { createLogger, createMasks } from "../../src/base/observe/logger.ts"
import { openBunDriver } from "../../src/base/storage/bun-driver.ts"
import { openDb } from "../../src/base/storage/database.ts"
import { migrate } from "../../src/base/storage/migrate.ts"
import { MIGRATIONS } from "../../src/base/storage/migrations/index.ts"
import type { Db } from "../../src/base/storage/port.ts"
import { atOnce } from "./doors.ts"

export function openMemory(clock: Clock): Db {
  const driver = openBunDriver(":memory:")
  migrate(driver, MIGRATIONS)
  const log = createLogger({ clock, level: "silent", write: () => undefined, mask: createMasks() })
  return atOnce(openDb({ driver, clock, sync: "normal", log }))
}
