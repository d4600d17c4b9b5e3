// Requests that outlive their child, black box, on all four binaries.

import { afterAll, beforeAll, describe, test } from "bun:test"
import { COMMANDS, VERSIONS } from "../support/daemon.ts"
import { carryChecks } from "./checks/carry.ts"
import { openWorld, verticalSpec } from "./vertical-suite.ts"
import type { World } from "./world.ts"

const NET_MS = 120_000

describe.each([...VERSIONS])("carry-over with codex %s", (version) => {
  let world: World & AsyncDisposable
  beforeAll(async () => {
    world = await openWorld(verticalSpec(COMMANDS.bun, version), version)
  }, NET_MS)
  for (const { name, run } of carryChecks) test(name, () => run(world), NET_MS)
  afterAll(() => world[Symbol.asyncDispose](), NET_MS)
})
