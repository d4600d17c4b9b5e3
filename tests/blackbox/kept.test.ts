// How a daemon is kept and looked after, from outside, on both runtimes: what can be seen of it, a backup in the midst of a
// turn and the way back, and a stop after which the next one listens on the same port at once.

import { describe, test } from "bun:test"
import { strict as assert } from "node:assert"
import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import { ask, openEvents } from "../support/client.ts"
import { COMMANDS, codexBin, type Place } from "../support/daemon.ts"
import { openWorld } from "./vertical-suite.ts"
import {
  ended,
  get,
  type Health,
  hear,
  newSession,
  post,
  runTurn,
  send,
  untilReady,
  type World,
} from "./world.ts"

const NET_MS = 120_000
const FORMS = ["bun", "node"] as const
const run = promisify(execFile)

async function codexd(form: (typeof FORMS)[number], place: Place, args: string[]) {
  const [program = "", ...before] = COMMANDS[form]
  const env = { PATH: process.env.PATH, HOME: join(place.path, "home"), DATA_DIR: place.dataDir }
  return (await run(program, [...before, ...args], { cwd: place.path, env })).stdout
}

interface Audit {
  data: { route: string; who: string; sessionId: string | null; result: string }[]
}

describe.each(FORMS)("on %s", (form) => {
  test(
    "it is seen, copied while a turn streams, gone back to, and stopped without holding its port",
    async () => {
      const env = { RAW_ITEMS_STORED: "true" }
      const spec = { command: COMMANDS[form], codexBin: codexBin("0.169.0"), args: [] as string[], env }
      await using world = await openWorld(spec, "0.169.0")
      const { place } = world
      const session = await newSession(world)
      const { listener } = await runTurn(world, session, "echo: hello")
      listener.close()
      await isSeen(world, session)
      await keepsRaw(world, session)

      // The copy is taken between the first and the last of many frames.
      const stream = await hear(world, `threadId=${session}`)
      const turn = await send(world, session, "words: 20000")
      await stream.until(
        (f) => f.type === "notification" && f.payload.method === "item/agentMessage/delta",
        "it streams",
      )
      const file = join(place.path, "copy.db")
      await codexd(form, place, ["backup", file])
      await ended(stream, turn)
      assert.match(await codexd(form, place, ["verify", file]), /^✓ sound/)
      await assert.rejects(codexd(form, place, ["restore", file]), /in use by/)

      const events = await openEvents(world.daemon)
      await events.until(() => true, "ready")
      const { port } = world.daemon
      spec.args = ["--port", String(port)]
      assert.equal((await world.restart("SIGTERM")).code, 0)
      assert.equal(await stream.closed, 1012)
      assert.equal(world.daemon.port, port)

      await post(world, "/api/sessions", {})
      assert.equal((await world.daemon.end("SIGTERM")).code, 0)
      assert.match(await codexd(form, place, ["restore", file]), /what was there is/)
      world.daemon = await place.start(spec)
      await untilReady(world)
      const after = await hear(world, `since=${stream.ready.head}`)
      assert.equal(after.ready.resume, "gap")
      after.close()
      const { data } = (await get<{ data: { sessionId: string }[] }>(world, "/api/sessions")).body
      assert.deepEqual(
        data.map((one) => one.sessionId),
        [session],
      )
      // What ran when the copy was taken is settled as after a kill, and the next turn works.
      assert.equal(
        (await runTurn(world, session, "echo: again")).end.payload.params?.turn?.status,
        "completed",
      )
    },
    NET_MS,
  )
})

test(
  "a codex that nobody needs is stopped, the daemon is well without it, and whoever needs it gets it",
  async () => {
    const env = { CODEX_IDLE_STOP_MS: "200" }
    const spec = { command: COMMANDS.bun, codexBin: codexBin("0.169.0"), env }
    await using world = await openWorld(spec, "0.169.0")
    const session = await newSession(world)
    await runTurn(world, session, "echo: before")
    const asleep = async () => {
      const listener = await hear(world, "families=system")
      for (let heard = 0; ; heard = listener.frames.length) {
        const { body } = await get<Health>(world, "/api/health")
        if (body.runtime.state === "asleep") return body
        await listener.until((f) => f.type === "runtime_updated", "codex falls asleep", heard)
      }
    }
    const report = await asleep()
    assert.deepEqual([report.status, report.codex.running], ["ok", false])
    assert.equal((await ask(world.daemon.url, "/api/readyz")).status, 200)
    const { end } = await runTurn(world, session, "echo: after")
    assert.equal(end.payload.params?.turn?.status, "completed")
    const { body } = await get<{ transcript: { content: string }[] }>(world, `/api/sessions/${session}`)
    assert.ok(body.transcript.some(({ content }) => content === "after"))
    await asleep()
    assert.equal((await get(world, "/api/models")).status, 200)
    assert.equal((await world.daemon.end("SIGTERM")).code, 0)
  },
  NET_MS,
)

/** What the model was sent and said, as the binary tells it. */
async function keepsRaw(world: World, session: string): Promise<void> {
  interface Raw {
    stored: boolean
    items: { turnId: string; item: { type: string; role?: string; content?: { text?: string }[] } }[]
  }
  const { body } = await get<Raw>(world, `/api/sessions/${session}/raw-items?limit=100`)
  assert.equal(body.stored, true)
  const said = body.items.map(({ item }) => [item.role, item.content?.map(({ text }) => text).join("")])
  assert.deepEqual(said.at(-1), ["assistant", "hello"], JSON.stringify(body))
  assert.ok(
    said.some(([role, text]) => role === "user" && text === "echo: hello"),
    JSON.stringify(said),
  )
  assert.equal(new Set(body.items.map(({ turnId }) => turnId)).size, 1)
}

async function isSeen(world: World, session: string): Promise<void> {
  const { url } = world.daemon
  assert.deepEqual((await ask(url, "/api/livez")).body, { status: "ok" })
  assert.deepEqual((await ask(url, "/api/readyz")).body, { status: "ok" })
  const { body } = await get<Health & { extensions: object; runtime: { features: Record<string, boolean> } }>(
    world,
    "/api/health",
  )
  assert.equal(body.status, "ok", JSON.stringify(body.reasons))
  assert.ok(body.runtime.features.turnSteer)
  assert.ok(body.extensions)

  const { text, headers } = await ask(url, "/metrics")
  assert.match(String(headers["content-type"]), /^text\/plain/)
  for (const line of [
    /^codexd_http_requests_total\{route="\/api\/sessions",method="POST",status="200"\} 1$/m,
    /^codexd_child_calls_total\{method="turn\/start",outcome="ok"\} 1$/m,
    /^codexd_child_call_seconds_count\{method="turn\/start"\} 1$/m,
    /^codexd_child_up 1$/m,
    /^codexd_resident_bytes\{process="child"\} \d{7,}$/m,
    /^codexd_storage_commit_seconds_count [1-9]/m,
    /^codexd_stream_frames_total [1-9]/m,
    /^codexd_tokens_total\{model="[^"]+",kind="input"\} [1-9]/m,
    /^codexd_queue_jobs\{state="queued"\} 0$/m,
  ])
    assert.match(text, line)

  const { data } = (await get<Audit>(world, `/api/audit?session=${session}`)).body
  assert.deepEqual(
    data.map(({ route, result }) => [route, result]),
    [
      ["/api/sessions/:sessionId/messages", "ok"],
      ["/api/sessions", "ok"],
    ],
  )
  assert.match(
    world.daemon.said(),
    /"message":"answered","method":"POST","route":"\/api\/sessions\/:sessionId\/messages","status":202/,
  )
}
