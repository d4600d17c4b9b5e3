// The transcript, black box: Bun with all four binaries, Node 24 with the newest.

import { afterAll, beforeAll, describe, test } from "bun:test"
import { COMMANDS, type CodexVersion, VERSIONS } from "../support/daemon.ts"
import { transcriptChecks } from "./checks/transcript.ts"
import { openWorld, verticalSpec } from "./vertical-suite.ts"
import type { World } from "./world.ts"

const NET_MS = 120_000

const TARGETS: [keyof typeof COMMANDS, CodexVersion][] = [
  ...VERSIONS.map((version): ["bun", CodexVersion] => ["bun", version]),
  ["node", "0.169.0"],
]

describe.each(TARGETS)("the transcript on %s with codex %s", (form, version) => {
  let world: World & AsyncDisposable
  beforeAll(async () => {
    world = await openWorld(verticalSpec(COMMANDS[form], version), version)
  }, NET_MS)
  // What Node could do differently is in the first.
  const checks = form === "node" ? transcriptChecks.slice(0, 1) : transcriptChecks
  for (const { name, run } of checks) test(name, () => run(world), NET_MS)
  afterAll(() => world[Symbol.asyncDispose](), NET_MS)
})
