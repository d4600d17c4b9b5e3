// The platform on Bun. Never imported on Node.

import { openBunDriver } from "../storage/bun-driver.ts"
import { createBunListening } from "./bun-listen.ts"
import { bunPageParts } from "./bun-page.ts"
import { spawnOnBun } from "./bun-spawn.ts"
import { startBunWorker } from "./bun-worker.ts"
import { carriedDatabase } from "./carried-database.ts"
import type { Platform } from "./port.ts"

export const createBunPlatform = (): Platform => ({
  name: "bun",
  spawn: spawnOnBun,
  worker: startBunWorker,
  ...createBunListening(),
  openDatabase: openBunDriver,
  newDatabase: carriedDatabase,
  pageParts: bunPageParts,
})
