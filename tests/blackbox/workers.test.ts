// Workers, black box: everything on the oldest and the newest binary, on those between what differs by binary.

import { afterAll, beforeAll, describe, test } from "bun:test"
import { COMMANDS, type CodexVersion, VERSIONS } from "../support/daemon.ts"
import { openShelf } from "../support/extensions.ts"
import { TESTER, workerChecks } from "./checks/workers.ts"
import { openWorld, verticalSpec } from "./vertical-suite.ts"
import type { World } from "./world.ts"

const NET_MS = 120_000
const WHOLE: ReadonlySet<CodexVersion> = new Set(["0.105.0", "0.169.0"])
/** Tools of a model, and what a child does with a thread that had some when it died. */
const EVERYWHERE = /^an agent writes the rows|^a job whose child died/
/** What is ours alone and takes two starts: once. */
const isOnce = (name: string) => name.startsWith("a daemon killed")

describe.each([...VERSIONS])("workers with codex %s", (version) => {
  let world: World & AsyncDisposable
  const shelf = openShelf({ tester: { manifest: TESTER.manifest, events: TESTER.events } })
  beforeAll(async () => {
    const spec = verticalSpec(COMMANDS.bun, version)
    world = await openWorld({ ...spec, env: { AGENT_EXTENSION_CONFIGURED_ROOTS: shelf.path } }, version)
  }, NET_MS)
  const checks = workerChecks.filter(({ name }) =>
    isOnce(name) ? version === "0.169.0" : WHOLE.has(version) || EVERYWHERE.test(name),
  )
  for (const { name, run } of checks) test(name, () => run(world), NET_MS)
  afterAll(async () => {
    await world[Symbol.asyncDispose]()
    shelf[Symbol.dispose]()
  }, NET_MS)
})
