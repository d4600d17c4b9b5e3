// A session out of a daemon and back by the command line, on both runtimes: export, import, export again says the same;
// a thread that the child has is no second session by its file.

import { describe, test } from "bun:test"
import { strict as assert } from "node:assert"
import { execFile } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { COMMANDS, codexBin, type Place } from "../support/daemon.ts"
import { openWorld } from "./vertical-suite.ts"
import { get, newSession, post, read, runTurn } from "./world.ts"

const NET_MS = 120_000
const FORMS = ["bun", "node"] as const
const run = promisify(execFile)

async function codexd(form: (typeof FORMS)[number], place: Place, args: string[]) {
  const [program = "", ...before] = COMMANDS[form]
  const env = { PATH: process.env.PATH, HOME: join(place.path, "home"), DATA_DIR: place.dataDir }
  return (await run(program, [...before, ...args], { cwd: place.path, env })).stdout
}

/** Without what an import changes: the session's own line. */
const body = (lines: string): string[] => lines.trimEnd().split("\n").slice(1)

describe.each(FORMS)("on %s", (form) => {
  test(
    "export, import and export again say the same; what the child has is known and not taken twice",
    async () => {
      const spec = { command: COMMANDS[form], codexBin: codexBin("0.169.0") }
      await using world = await openWorld(spec, "0.169.0")
      const { place } = world
      const session = await newSession(world, { approvalPolicy: "never" })
      const { listener } = await runTurn(world, session, "run: echo from the shell\necho: hello 你好")
      listener.close()

      const first = await codexd(form, place, ["export", session, "--format", "jsonl"])
      writeFileSync(join(place.path, "one.jsonl"), first)
      const id = (await codexd(form, place, ["import", "one.jsonl"])).trim()
      assert.notEqual(id, session)
      assert.deepEqual(body(await codexd(form, place, ["export", id, "--format", "jsonl"])), body(first))
      assert.deepEqual((await read(world, id)).transcript, (await read(world, session)).transcript)
      assert.match(await codexd(form, place, ["export", id]), /hello 你好/)
      assert.equal((await post(world, `/api/sessions/${id}/messages`, { text: "x" })).status, 409)
      await assert.rejects(codexd(form, place, ["export", "nobody"]), /not_found/)
      await assert.rejects(codexd(form, place, ["import", "absent.jsonl"]), /there is no file/)

      const taken = await post(world, "/api/sessions/import/rollouts")
      assert.equal(taken.status, 200, taken.text)
      assert.deepEqual([taken.body.imported, taken.body.left], [[], 0])
      assert.deepEqual(
        (taken.body.known as { sessionId: string }[]).map(({ sessionId }) => sessionId),
        [session],
      )
      const outside = await post(world, "/api/sessions/import/rollouts", { path: "/etc" })
      assert.equal(outside.status, 400)
      assert.equal((await get(world, `/api/sessions/${session}/raw-items`)).body.stored, false)
    },
    NET_MS,
  )
})
