// Who gets in and what a start needs, on both runtimes: the token on every route, the data folder's lock, a codex that isn't
// there, and a log that was cut.

import { describe, test } from "bun:test"
import { strict as assert } from "node:assert"
import { readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { ask, listen, openEvents } from "../support/client.ts"
import { COMMANDS, codexBin, openPlace, runDaemon } from "../support/daemon.ts"
import { openWorld } from "./vertical-suite.ts"
import { get, type Health, hear, newSession, post, runTurn, untilReady } from "./world.ts"

const NET_MS = 120_000
const FORMS = ["bun", "node"] as const
const codex = codexBin("0.169.0")

const ROUTES: [string, string][] = [
  ["GET", "/api/sessions"],
  ["POST", "/api/sessions"],
  ["GET", "/api/sessions/x"],
  ["POST", "/api/sessions/x/messages"],
  ["POST", "/api/sessions/x/interrupt"],
  ["GET", "/api/sessions/x/approvals"],
  ["GET", "/api/sessions/x/tool-input"],
  ["GET", "/api/sessions/x/tool-calls"],
  ["POST", "/api/approvals/x/decision"],
  ["POST", "/api/tool-input/x/decision"],
  ["POST", "/api/tool-calls/x/response"],
  ["GET", "/api/stream"],
  ["GET", "/api/events"],
]

describe.each(FORMS)("on %s", (form) => {
  test(
    "every route but the name and a bare status asks for the token, whatever else is wrong with the request",
    async () => {
      await using place = openPlace("token")
      const daemon = await place.start({
        command: COMMANDS[form],
        codexBin: codex,
        env: { API_AUTH: "token" },
      })
      const file = join(place.dataDir, "api-token")
      assert.equal(statSync(file).mode & 0o777, 0o600)
      assert.equal(statSync(place.dataDir).mode & 0o077, 0)
      const token = readFileSync(file, "utf8").trim()
      assert.ok(token.length >= 32)
      const wrong = [
        "",
        "Bearer",
        "Bearer x",
        `Bearer ${token}x`,
        `Bearer ${token.slice(1)}`,
        `Basic ${token}`,
        token,
      ]
      for (const [at, [method, path]] of ROUTES.entries()) {
        // Many wrong ones are answered ever later: each is tried on one route.
        for (const authorization of [undefined, ...wrong.slice(at, at + 1)]) {
          const headers = { ...(authorization !== undefined && { authorization }) }
          const bad = method === "POST" ? { raw: "{" } : {}
          const { status, body, headers: said } = await ask(daemon.url, path, { method, headers, ...bad })
          assert.deepEqual(
            [status, body.status, body.code],
            [401, "error", "unauthorized"],
            `${method} ${path}`,
          )
          assert.equal(said["www-authenticate"], "Bearer")
        }
      }
      await assert.rejects(listen(daemon), /401/)
      await assert.rejects(listen(daemon, "", { authorization: "Bearer x" }), /401/)
      await assert.rejects(openEvents(daemon), /401/)
      assert.equal((await ask(daemon.url, "/api")).status, 200)
      const bare = await ask(daemon.url, "/api/health")
      assert.equal(bare.status, 200)
      assert.deepEqual(Object.keys(bare.body).sort(), ["service", "status"])

      const headers = { authorization: `Bearer ${token}` }
      assert.equal((await ask(daemon.url, "/api/sessions", { headers })).status, 200)
      assert.ok((await ask<Health>(daemon.url, "/api/health", { headers })).body.codex)
      const listener = await listen(daemon, "", headers)
      listener.send('{"type":"ping"}')
      await listener.answer(1)
      const events = await openEvents(daemon, "", headers)
      await events.until(() => true, "ready")
      events.close()
      assert.ok(!daemon.said().includes(token))
      await daemon.end("SIGTERM")
      const again = await place.start({
        command: COMMANDS[form],
        codexBin: codex,
        env: { API_AUTH: "token" },
      })
      assert.equal((await ask(again.url, "/api/sessions", { headers })).status, 200)
    },
    NET_MS,
  )

  test(
    "a second daemon on the same folder names the first one's process, and leaves it alone",
    async () => {
      await using place = openPlace("second")
      const spec = { command: COMMANDS[form], codexBin: codex }
      const daemon = await place.start(spec)
      const other = await runDaemon(spec, place)
      assert.equal(other.code, 1)
      assert.match(other.said, new RegExp(`\\b${daemon.pid}\\b`))
      assert.equal((await ask(daemon.url, "/api/health")).status, 200)
      await daemon.end("SIGKILL")
      const next = await place.start(spec)
      assert.equal((await ask(next.url, "/api/health")).status, 200)
    },
    NET_MS,
  )

  test(
    "without a codex it runs degraded, says how to get one, and answers 503 where one is needed",
    async () => {
      await using place = openPlace("absent")
      const daemon = await place.start({ command: COMMANDS[form], codexBin: join(place.path, "nothing") })
      const world = { daemon }
      const listener = await listen(daemon, "families=system")
      const report = async () => (await ask<Health>(daemon.url, "/api/health")).body
      for (let heard = 0; (await report()).runtime.state !== "broken"; heard = listener.frames.length) {
        await listener.until((f) => f.type === "runtime_updated", "the runtime gives up", heard)
      }
      const { status, codex: child, reasons } = await report()
      assert.equal(status, "degraded")
      assert.deepEqual([child.running, child.pid, child.initialized], [false, null, false])
      assert.match(reasons.join("\n"), /CODEX_BIN=.*nothing/)
      const refused = await ask(world.daemon.url, "/api/sessions", { json: {} })
      assert.deepEqual([refused.status, refused.body.code], [503, "runtime_unavailable"])
      assert.ok(Number(refused.headers["retry-after"]) > 0)
      assert.deepEqual((await ask(daemon.url, "/api/sessions")).body.data, [])
      assert.equal((await ask(daemon.url, "/api/sessions/x")).status, 404)
      assert.equal((await daemon.end("SIGTERM")).code, 0)
    },
    NET_MS,
  )
})

test(
  "what retention took is a gap for whoever had not seen it, and nothing for the others",
  async () => {
    const env: Record<string, string> = { EVENTS_MAX_MIB: "64" }
    await using world = await openWorld({ command: COMMANDS.bun, codexBin: codex, env }, "0.169.0")
    const id = await newSession(world)
    const quiet = await newSession(world)
    const { listener, end } = await runTurn(world, id, "words: 30000")
    const { log, head } = listener.ready
    // What is over a limit that came with the start: nothing streams while it is shortened.
    env.EVENTS_MAX_MIB = "1"
    await world.restart("SIGTERM")
    await untilReady(world)
    const size = async () => ((await get(world, "/api/health")).body.storage as { bytes: number }).bytes
    while ((await size()) > 1024 * 1024) await get(world, "/api")
    const resume = async (query: string) => {
      const { ready, close } = await hear(world, query)
      close()
      return ready.resume
    }
    assert.equal(await resume(`since=${log}.${end.seq}`), "ok")
    // Its deltas went; the message that they built up is there, so nothing is missing.
    const again = await hear(world, `threadId=${id}&since=${head}`)
    assert.equal(again.ready.resume, "ok")
    await again.until((f) => f.seq === end.seq, "the end of the turn")
    const deltas = again.frames.filter((f) => f.payload.method === "item/agentMessage/delta")
    assert.ok(deltas.length < 30_000)
    const message = again.frames.findLast((f) => f.payload.params?.item?.type === "agentMessage")
    assert.match(message?.payload.params?.item?.text ?? "", /^w1 .* w30000$/)
    again.close()
    // Facts beyond the limit: every word a person says is one.
    for (let i = 0; i < 3; i++) {
      const said = await runTurn(world, quiet, `echo: ${"x".repeat(300_000)}`)
      said.listener.close()
    }
    await world.restart("SIGTERM")
    while ((await size()) > 1024 * 1024) await get(world, "/api")
    assert.equal(await resume(`since=${log}.${end.seq}`), "gap")
    const { ready } = await hear(world)
    assert.equal(await resume(`since=${ready.head}`), "ok")
    assert.equal((await post(world, `/api/sessions/${id}/interrupt`)).status, 409)
  },
  NET_MS,
)
