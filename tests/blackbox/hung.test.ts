// A child that hangs while a message is on its way to it, and goes on later: what was said once is said once, whatever the
// sender and others do meanwhile (decisions 16, 17). On all four binaries; the deadlines fall due by a signal.

import { describe, test } from "bun:test"
import { strict as assert } from "node:assert"
import { join } from "node:path"
import { ask, type Reply } from "../support/client.ts"
import { COMMANDS, codexBin, halt, ROOT, VERSIONS } from "../support/daemon.ts"
import { openWorld } from "./vertical-suite.ts"
import { ended, health, hear, isNotification, newSession, read, runTurn, type World } from "./world.ts"

const NET_MS = 120_000
const HASTY = [...COMMANDS.bun.slice(0, -1), join(ROOT, "tests/support/hasty.ts")]

const say = ({ daemon }: World, id: string, text: string, key?: string): Promise<Reply> =>
  ask(daemon.url, `/api/sessions/${id}/messages`, {
    json: { text },
    ...(key !== undefined && { headers: { "idempotency-key": key } }),
  })
const waits = ({ daemon }: World): number => daemon.said().split("a call waits").length - 1

/** Until a call to the hanging child is under way; then its deadline, and those of all others, have come. */
async function expire(world: World, before: number): Promise<void> {
  while (waits(world) <= before) await health(world)
  process.kill(world.daemon.pid, "SIGUSR2")
}

describe.each([...VERSIONS])("a child that hangs, codex %s", (version) => {
  const tracks = version >= "0.150"

  test(
    "takes a message once: a repetition is never sent, another message waits its turn, and no turn is left running",
    async () => {
      await using world = await openWorld({ command: HASTY, codexBin: codexBin(version) }, version)
      const id = await newSession(world)
      ;(await runTurn(world, id, "echo: before")).listener.close()
      const { pid } = (await health(world)).codex
      assert.ok(pid)
      const listener = await hear(world, `threadId=${id}`)
      await halt(pid)
      let before = waits(world)
      const first = say(world, id, "echo: once", "key")
      await expire(world, before)
      const late = await first
      assert.deepEqual([late.status, late.body.code], [504, "codex_timeout"], late.text)

      before = waits(world)
      const repeated = say(world, id, "echo: once", "key")
      if (tracks) await expire(world, before)
      const again = await repeated
      const unknown = tracks ? [504, "codex_timeout"] : [409, "message_indeterminate"]
      assert.deepEqual([again.status, again.body.code], unknown, again.text)

      before = waits(world)
      const other = say(world, id, "echo: twice")
      while (waits(world) <= before) await health(world)
      process.kill(pid, "SIGCONT")
      const { status, body, text } = await other
      assert.equal(status, 202, text)
      await ended(listener, body.turnId as string)
      const both = (await read(world, id)).thread.turns.slice(1)
      for (const turn of both)
        await listener.until(isNotification("turn/completed", turn.id), `the end of ${turn.id}`)

      const last = await say(world, id, "echo: once", "key")
      if (tracks) assert.deepEqual([last.status, last.body.turnId], [202, both[0]?.id], last.text)
      else assert.deepEqual([last.status, last.body.code], [409, "message_indeterminate"], last.text)
      const { transcript, thread } = await read(world, id)
      const said = transcript.filter((e) => e.role === "user").map((e) => e.content)
      assert.deepEqual(said, ["echo: before", "echo: once", "echo: twice"])
      assert.deepEqual(new Set(thread.turns.map((turn) => turn.status)), new Set(["completed"]))
      assert.equal((await health(world)).codex.pid, pid)
      listener.close()
    },
    NET_MS,
  )
})
