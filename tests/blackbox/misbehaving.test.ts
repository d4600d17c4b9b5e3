// A child that does what the real one won't do on demand: whatever it does, the daemon says what is and goes on.

import { test } from "bun:test"
import { strict as assert } from "node:assert"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { ask, listen } from "../support/client.ts"
import { COMMANDS, FAKE_CODEX, openPlace } from "../support/daemon.ts"
import { assertFrames } from "./frames.ts"
import { openWorld } from "./vertical-suite.ts"
import {
  ended,
  entriesOf,
  type Health,
  health,
  hear,
  isNotification,
  newSession,
  post,
  read,
  runTurn,
  send,
  turnIn,
  untilReady,
} from "./world.ts"

const NET_MS = 120_000
const spec = (mischief: string) => ({
  command: COMMANDS.bun,
  codexBin: FAKE_CODEX,
  env: { FAKE_CODEX: mischief },
})
const misbehaves = (mischief: string) => openWorld(spec(mischief), "0.169.0")

test(
  "one that always crashes at its start is given up: degraded, 503, and one probe a minute",
  async () => {
    await using place = openPlace("crashes")
    const daemon = await place.start(spec("crash-on-start"))
    const listener = await listen(daemon, "families=system")
    const report = async () => (await ask<Health>(daemon.url, "/api/health")).body
    for (let heard = 0; (await report()).runtime.state !== "broken"; heard = listener.frames.length) {
      await listener.until((f) => f.type === "runtime_updated", "the runtime gives up", heard)
    }
    const { status, reasons, codex, runtime } = await report()
    assert.equal(status, "degraded")
    assert.match(reasons.join("\n"), /codex is broken/)
    assert.equal((codex.lastExit as { code?: number } | undefined)?.code, 7)
    assert.ok((runtime as { retryAt?: string }).retryAt)
    const refused = await ask(daemon.url, "/api/sessions", { json: {} })
    assert.deepEqual([refused.status, refused.body.code], [503, "runtime_unavailable"])
    assert.ok(refused.headers["retry-after"])
    assert.equal((await daemon.end("SIGTERM")).code, 0)
  },
  NET_MS,
)

test(
  "one that crashes twice comes up, and a turn runs",
  async () => {
    await using world = await misbehaves("crash-on-start=2")
    assert.equal((await health(world)).runtime.restarts, 2)
    const { end, listener } = await runTurn(world, await newSession(world), "hello")
    assert.equal(end.payload.params?.turn?.status, "completed")
    listener.close()
  },
  NET_MS,
)

test(
  "one that talks garbage, twice, in cut characters and huge lines, and is overloaded at first, is understood all the same",
  async () => {
    await using world = await misbehaves(
      `garbage,answer-twice,split-utf8,overloaded=3,huge-line=${3 * 1024 * 1024}`,
    )
    const id = await newSession(world)
    const { listener, turnId, end } = await runTurn(world, id, "Grüße aus Köln – ✓ 🎉 ende")
    assert.equal(end.payload.params?.turn?.status, "completed")
    assertFrames(listener.frames)
    const deltas = listener.frames.filter(isNotification("item/agentMessage/delta", turnId))
    assert.equal(deltas[0]?.payload.params?.delta?.length, 3 * 1024 * 1024)
    const entry = entriesOf(await read(world, id), turnId).at(-1)
    assert.equal(entry?.content, "You said: Grüße aus Köln – ✓ 🎉 ende")
    const { runtime } = await health(world)
    assert.ok(runtime.unreadableLines > 0)
    assert.equal(runtime.restarts, 0)
    listener.close()
  },
  NET_MS,
)

test(
  "a flood of 20,000 deltas arrives complete and in order at all, and comes back so",
  async () => {
    await using world = await misbehaves("flood=20000")
    const id = await newSession(world)
    const all = await hear(world)
    const one = await hear(world, `threadId=${id}&families=notification`)
    const turnId = await send(world, id, "flood")
    const ends = [await ended(all, turnId), await ended(one, turnId)]
    const again = await hear(world, `threadId=${id}&since=${all.ready.head}`)
    ends.push(await ended(again, turnId))
    for (const listener of [all, one, again]) {
      const deltas = listener.frames.filter(isNotification("item/agentMessage/delta", turnId))
      assert.equal(deltas.length, 20_000)
      deltas.forEach((f, i) => {
        assert.ok(f.payload.params?.delta?.startsWith(`${i} `), `delta ${i}`)
      })
      listener.close()
    }
    assertFrames(all.frames)
  },
  NET_MS,
)

test(
  "a question that nobody knows is refused at once, and told",
  async () => {
    await using world = await misbehaves("odd-request")
    const id = await newSession(world)
    const { listener, turnId, end } = await runTurn(world, id, "ask me")
    assert.equal(end.payload.params?.turn?.status, "completed")
    assert.equal(JSON.parse(entriesOf(await read(world, id), turnId).at(-1)?.content ?? "{}").code, -32601)
    const told = listener.frames.find((f) => f.type === "server_request")
    assert.deepEqual(
      [told?.threadId, told?.payload.method, told?.payload.id, told?.payload.params],
      [id, "odd/request", 0, { threadId: id, turnId, riddle: 7 }],
    )
    assert.ok(listener.frames.some((f) => f.type === "app_server.request.odd.request"))
    assertFrames(listener.frames)
    listener.close()
  },
  NET_MS,
)

test(
  "a line cut off by its death is lost with it, what was whole is kept, and the turn is interrupted",
  async () => {
    await using world = await misbehaves("die-mid-line")
    const id = await newSession(world)
    const { pid } = (await health(world)).codex
    const { end, turnId, listener } = await runTurn(world, id, "hello")
    assert.equal(end.payload.origin, "codexd")
    await untilReady(world, pid)
    const after = await read(world, id)
    assert.equal(turnIn(after, turnId).status, "interrupted")
    assert.deepEqual(
      entriesOf(after, turnId).map(({ content, status }) => ({ content, status })),
      [
        { content: "hello", status: "complete" },
        { content: "whole ", status: "canceled" },
      ],
    )
    listener.close()
  },
  NET_MS,
)

test(
  "one that dies at a call fails that call, and is there for the next one",
  async () => {
    await using world = await misbehaves("exit-on=turn/start")
    const id = await newSession(world)
    const { pid } = (await health(world)).codex
    const { status, body } = await post(world, `/api/sessions/${id}/messages`, { text: "hello" })
    assert.deepEqual([status, body.code], [503, "runtime_unavailable"])
    await untilReady(world, pid)
    assert.deepEqual((await read(world, id)).thread.turns, [])
    await newSession(world)
  },
  NET_MS,
)

test(
  "one that ignores TERM and leaves grandchildren is gone with all of them when the daemon stops, or is killed and starts again",
  async () => {
    await using world = await misbehaves("ignore-term,grandchildren")
    const mine = () => world.place.survivors().filter((line) => !line.includes(join("src", "main")))
    await newSession(world)
    await world.restart("SIGKILL")
    await untilReady(world)
    const { pid } = (await health(world)).codex
    assert.ok(mine().some((line) => line.startsWith(`${pid}:`)))
    const exit = await world.daemon.end("SIGTERM")
    assert.equal(exit.code, 0)
    assert.deepEqual(world.place.survivors(), [])
  },
  NET_MS,
)

test.each([
  ["kill-daemon-on", "done", ["one"]],
  ["kill-daemon-at", "not done", ["one", "two"]],
])(
  "a daemon that is killed while turns are taken back (%s: %s) says after its start what the child has",
  async (mischief, _, left) => {
    await using world = await misbehaves(`${mischief}=thread/revert`)
    const id = await newSession(world)
    for (const word of ["one", "two"]) (await runTurn(world, id, word)).listener.close()
    await post(world, `/api/sessions/${id}/rollback`, { numTurns: 1 }).catch(() => {})
    await world.restart("SIGKILL")
    await untilReady(world)
    // Sent behind whatever is still being found out.
    const { listener } = await runTurn(world, id, "three")
    listener.close()
    const { transcript, thread } = await read(world, id)
    const said = transcript.filter((e) => e.role === "user").map((e) => e.content)
    assert.deepEqual(said, [...left, "three"])
    assert.equal(thread.turns.length, said.length)
    assert.equal(transcript.filter((e) => e.type === "thread.rolledBack").length, left.length === 1 ? 1 : 0)
    const kept = JSON.parse(
      readFileSync(join(world.place.dataDir, "codex-home/fake-threads", `${id}.json`), "utf8"),
    ) as { turns: unknown[] }
    assert.equal(kept.turns.length, said.length)
  },
  NET_MS,
)
