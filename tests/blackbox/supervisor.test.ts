// The repository workflows on the four binaries and in each form of the daemon: each kind of outcome on all, every risk against
// every setting on the newest.

import { afterAll, beforeAll, describe, test } from "bun:test"
import { COMMANDS, type CodexVersion, VERSIONS } from "../support/daemon.ts"
import { commandOf } from "../support/program.ts"
import {
  autoCases,
  type Case,
  decides,
  explains,
  fails,
  LEVELS,
  openCase,
  personFirst,
  steers,
  suggests,
  survives,
} from "./checks/supervisor.ts"
import { openWorld, verticalSpec } from "./vertical-suite.ts"
import type { World } from "./world.ts"

const NET_MS = 120_000

function commandFor(version: CodexVersion): Promise<readonly string[]> | readonly string[] {
  if (version === VERSIONS.at(-1)) return commandOf("compiled")
  return version === "0.130.0" ? COMMANDS.node : COMMANDS.bun
}

describe.each([...VERSIONS])("the supervisor with codex %s", (version) => {
  let world: World & AsyncDisposable
  let at: Case
  beforeAll(async () => {
    const env = { AGENT_EXTENSION_WITHOUT: "" }
    world = await openWorld({ ...verticalSpec(await commandFor(version), version), env }, version)
    at = await openCase(world)
  }, NET_MS)
  afterAll(() => world[Symbol.asyncDispose](), NET_MS)

  const isNewest = version === VERSIONS.at(-1)
  const risks = isNewest ? LEVELS : (["med"] as const)
  test(
    "a change is explained and judged, its turn reviewed, its session named; accept, decline and steer by thresholds",
    async () => {
      const outcomes = [
        ...autoCases(risks).map((one) => decides(at, one)),
        ...risks.map((risk) => steers(at, risk)),
      ]
      await Promise.all([explains(at), ...outcomes])
    },
    NET_MS,
  )
  test("a suggestion is the supervisor's", () => suggests(at), NET_MS)
  test("a person was first", () => personFirst(at, risks), NET_MS)
  if (!isNewest) return
  test("a worker that fails", () => fails(at), NET_MS)
  test("rows end whatever dies", () => survives(at), NET_MS)
})
