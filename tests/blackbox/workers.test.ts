// Workers, black box, on all four binaries.

import { afterAll, beforeAll, describe, test } from "bun:test"
import { COMMANDS, VERSIONS } from "../support/daemon.ts"
import { openShelf } from "../support/extensions.ts"
import { TESTER, workerChecks } from "./checks/workers.ts"
import { openWorld, verticalSpec } from "./vertical-suite.ts"
import type { World } from "./world.ts"

const NET_MS = 120_000

describe.each([...VERSIONS])("workers with codex %s", (version) => {
  let world: World & AsyncDisposable
  const shelf = openShelf({ tester: { manifest: TESTER.manifest, events: TESTER.events } })
  beforeAll(async () => {
    const spec = verticalSpec(COMMANDS.bun, version)
    world = await openWorld({ ...spec, env: { AGENT_EXTENSION_CONFIGURED_ROOTS: shelf.path } }, version)
  }, NET_MS)
  for (const { name, run } of workerChecks) test(name, () => run(world), NET_MS)
  afterAll(async () => {
    await world[Symbol.asyncDispose]()
    shelf[Symbol.dispose]()
  }, NET_MS)
})
