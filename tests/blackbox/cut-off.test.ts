// A rollback that a kill cut off after its fork was made and before that fork answered for the session, on the real binary that
// takes turns back over a compaction so. The fork is made by hand, as the daemon would have.

import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { join } from "node:path"
import { ask } from "../support/client.ts"
import { COMMANDS } from "../support/daemon.ts"
import { BINARIES, openRawCodex } from "../support/raw-codex.ts"
import { openWorld, verticalSpec } from "./vertical-suite.ts"
import { get, newSession, read, runTurn, untilReady } from "./world.ts"

const NET_MS = 120_000
const VERSION = "0.150.1"

test(
  "the fork takes the session's place at the next start, and is no session of its own",
  async () => {
    await using world = await openWorld(verticalSpec(COMMANDS.bun, VERSION), VERSION)
    const id = await newSession(world)
    const said = async (text: string) => {
      const { turnId, listener } = await runTurn(world, id, `echo: ${text}`)
      listener.close()
      return turnId
    }
    await said("one")
    const second = await said("two")
    const { dataDir } = world.place
    {
      const settled = world.daemon.end("SIGTERM")
      await settled
      await using raw = await openRawCodex({
        binary: BINARIES[VERSION] ?? "",
        codexHome: join(dataDir, "codex-home"),
        cwd: world.daemon.work,
      })
      const begunAt = Date.now()
      await raw.call("thread/fork", { threadId: id, beforeTurnId: second })
      using db = new Database(join(dataDir, "codexd.db"))
      const mark = JSON.stringify({ via: "fork", ids: [second], count: 2 })
      const begun = [id, JSON.stringify([second]), mark, begunAt]
      db.run("INSERT INTO rollbacks (session_id, turn_ids, mark, created_at) VALUES (?, ?, ?, ?)", begun)
    }
    await world.restart("SIGTERM")
    await untilReady(world)
    await ask(world.daemon.url, "/api/sessions?refresh=true")
    const { data } = (await get<{ data: { sessionId: string }[] }>(world, "/api/sessions")).body
    expect(data.map(({ sessionId }) => sessionId)).toEqual([id])
    const spoken = async () =>
      (await read(world, id)).transcript
        .filter(({ role }) => role === "assistant")
        .map(({ content }) => content)
    expect(await spoken()).toEqual(["one"])
    await said("three")
    expect(await spoken()).toEqual(["one", "three"])
  },
  NET_MS,
)
