// Controls and settings, black box: Bun with all four binaries, Node 24 with the newest.

import { afterAll, beforeAll, describe, test } from "bun:test"
import { COMMANDS, type CodexVersion } from "../support/daemon.ts"
import { controlChecks } from "./checks/controls.ts"
import { openWorld, verticalSpec } from "./vertical-suite.ts"
import type { World } from "./world.ts"

const TARGETS: [keyof typeof COMMANDS, CodexVersion][] = [
  ["bun", "0.169.0"],
  ["node", "0.169.0"],
  ["bun", "0.150.1"],
  ["bun", "0.130.0"],
  ["bun", "0.105.0"],
]
const NET_MS = 120_000

describe.each(TARGETS)("controls on %s with codex %s", (form, version) => {
  let world: World & AsyncDisposable
  beforeAll(async () => {
    world = await openWorld(verticalSpec(COMMANDS[form], version), version)
  }, NET_MS)
  for (const { name, run } of controlChecks) test(name, () => run(world), NET_MS)
  afterAll(() => world[Symbol.asyncDispose](), NET_MS)
})
