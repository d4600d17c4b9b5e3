// The platform on Node 24.

import { openNodeDriver } from "../storage/node-driver.ts"
import { createNodeListening } from "./node-listen.ts"
import { nodePageParts } from "./node-page.ts"
import { spawnOnNode } from "./node-spawn.ts"
import { startNodeWorker } from "./node-worker.ts"
import type { Platform } from "./port.ts"

export const createNodePlatform = (): Platform => ({
  name: "node",
  spawn: spawnOnNode,
  worker: startNodeWorker,
  ...createNodeListening(),
  openDatabase: openNodeDriver,
  pageParts: nodePageParts,
})
