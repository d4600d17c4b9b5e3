// Requests that outlive their child, black box: Bun with all four binaries, Node 24 with the newest. Most of it is waiting for
// restarts, so all worlds live at once, each with a daemon of its own.

import { afterAll, beforeAll, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { COMMANDS, type CodexVersion } from "../support/daemon.ts"
import { carryChecks } from "./checks/carry.ts"
import { openWorld, verticalSpec } from "./vertical-suite.ts"
import { approvalOf, decide, hear, newSession, read, send, type World } from "./world.ts"

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

test(
  "a deadline belongs to the request: killed in between, the daemon gives the safe answer when it falls due, or at its start",
  async () => {
    // Long enough for the question to be asked; whether it falls due before the restart is over makes no difference.
    const spec = { ...verticalSpec(COMMANDS.bun, "0.169.0"), env: { APPROVAL_DEADLINE_MS: "1500" } }
    await using world = await openWorld(spec, "0.169.0")
    const id = await newSession(world)
    const listener = await hear(world, `threadId=${id}`)
    const turnId = await send(world, id, "run: echo ran >> due.txt")
    const { seq, payload } = await approvalOf(listener, turnId)
    expect(Date.parse(String(payload.expiresAt)) - Date.parse(String(payload.createdAt))).toBe(1500)
    await world.restart("SIGKILL")
    const again = await hear(world, `threadId=${id}&since=${listener.ready.log}.${seq}`)
    const end = await again.until((f) => f.type === "approval_resolved", "the safe answer")
    const { approvalId } = payload
    expect(end.payload as object).toMatchObject({ approvalId, decision: "decline", reason: "deadline" })
    const rows = (await read(world, id)).transcript.filter(({ type }) => type === "approval.resolved")
    expect(rows.map(({ details }) => JSON.parse(details ?? "null") as object)).toMatchObject([
      { decidedBy: "codexd", decidedFrom: "deadline", reason: "deadline" },
    ])
    expect((await decide(world, approvalId, "accept")).status).toBe(409)
    expect(existsSync(join(world.daemon.work, "due.txt"))).toBe(false)
    for (const one of [listener, again]) one.close()
  },
  NET_MS,
)
