// Requests that outlive their child, black box: Bun with all four binaries, Node 24 with the newest. Most of it is waiting for
// restarts, so all worlds live at once, each with a daemon of its own.

import { afterAll, beforeAll, test } from "bun:test"
import { COMMANDS, type CodexVersion } from "../support/daemon.ts"
import { carryChecks } from "./checks/carry.ts"
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

let worlds: { on: string; world: World & AsyncDisposable }[] = []
beforeAll(async () => {
  worlds = await Promise.all(
    TARGETS.map(async ([form, version]) => ({
      on: `codexd on ${form} with codex ${version}`,
      world: await openWorld(verticalSpec(COMMANDS[form], version), version),
    })),
  )
}, NET_MS)
for (const { name, run } of carryChecks) {
  const everywhere = async () => {
    const ends = await Promise.allSettled(worlds.map(({ world }) => run(world)))
    const failed = ends.flatMap((end, i) =>
      end.status === "rejected" ? new Error(worlds[i]?.on, { cause: end.reason }) : [],
    )
    if (failed.length > 0)
      throw new AggregateError(failed, failed.map(({ message, cause }) => `${message}: ${cause}`).join("\n"))
  }
  test(name, everywhere, NET_MS)
}
afterAll(async () => {
  await Promise.all(worlds.map(({ world }) => world[Symbol.asyncDispose]()))
}, NET_MS)
