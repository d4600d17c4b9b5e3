// Codex's own lists, account and configuration, and the habits of existing clients, black box: Bun with all four binaries, Node 24 and the compiled form with the
// newest.

import { afterAll, beforeAll, describe, test } from "bun:test"
import { builtBinary } from "../support/built.ts"
import { COMMANDS, type CodexVersion, VERSIONS } from "../support/daemon.ts"
import { habitChecks } from "./checks/habits.ts"
import { surfaceChecks } from "./checks/surface.ts"
import { openWorld, verticalSpec } from "./vertical-suite.ts"
import type { World } from "./world.ts"

const NET_MS = 120_000

const TARGETS: [keyof typeof COMMANDS | "compiled", CodexVersion][] = [
  ...VERSIONS.map((version): ["bun", CodexVersion] => ["bun", version]),
  ["node", "0.169.0"],
  ["compiled", "0.169.0"],
]

describe.each(TARGETS)("the surface on %s with codex %s", (form, version) => {
  let world: World & AsyncDisposable
  beforeAll(async () => {
    const command = form === "compiled" ? [await builtBinary()] : COMMANDS[form]
    const spec = { ...verticalSpec(command, version), env: { API_RPC: "true" } }
    world = await openWorld(spec, version)
  }, NET_MS)
  for (const { name, run } of [...surfaceChecks, ...habitChecks]) test(name, () => run(world), NET_MS)
  afterAll(() => world[Symbol.asyncDispose](), NET_MS)
})
