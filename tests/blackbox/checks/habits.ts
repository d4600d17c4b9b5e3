// What the web UI, the CLI and the Python SDK do without thinking (wire-contract §0.1, §2.1, §9.1): bodies that aren't sent,
// headers that nobody reads, ids that aren't encoded, each notification read in its own spelling.

import { strict as assert } from "node:assert"
import { ask, type Frame, listen } from "../../support/client.ts"
import { type Check, ended, get, newSession, post, send } from "../world.ts"

const EXTRA = { "user-agent": "python-httpx/0.28", "x-codex-client": "sdk", accept: "*/*" }
const NOBODY = "0193b2f0-0000-7000-8000-00000000dead"

export const habitChecks: readonly Check[] = [
  {
    name: "the SDK's POSTs carry neither body nor content type, the web UI's carry {}",
    async run(world) {
      const sessionId = await newSession(world)
      const listener = await listen(world.daemon, `threadId=${sessionId}`)
      await ended(listener, await send(world, sessionId, "hello"))
      listener.close()
      const session = `/api/sessions/${sessionId}`
      const allowed: [string, number][] = [
        [`${session}/background-terminals/clean`, 200],
        [`${session}/fork`, 200],
        [`${session}/archive`, 200],
        [`${session}/unarchive`, 200],
        ["/api/mcp/reload", 200],
        ["/api/agents/extensions/reload", 200],
        ["/api/orchestrator/jobs/nope/cancel", 404],
      ]
      for (const [path, expected] of allowed) {
        const bare = await ask(world.daemon.url, path, { method: "POST", headers: EXTRA })
        assert.deepEqual([path, bare.status], [path, expected])
        assert.deepEqual([path, (await post(world, path, {})).status], [path, expected])
      }
    },
  },
  {
    name: "every answer is JSON with its charset, and HEAD answers wherever GET does, with nothing behind it",
    async run(world) {
      for (const path of [
        "/api",
        "/api/health",
        "/api/capabilities?refresh=false",
        "/api/models",
        "/api/nope",
      ]) {
        const { url } = world.daemon
        const full = await ask(url, path, { headers: EXTRA })
        assert.equal(full.headers["content-type"], "application/json; charset=utf-8", path)
        const head = await ask(url, path, { method: "HEAD" })
        assert.deepEqual([path, head.status, head.text], [path, full.status, ""])
      }
      for (const path of ["/api/health/", "/API/health"])
        assert.equal((await get(world, path)).status, 404, path)
    },
  },
  {
    name: "the SDK's stream: filter and subscribe, JSON pings, and bad commands that don't end it",
    async run(world) {
      const sessionId = await newSession(world)
      const sdk = await listen(world.daemon, `threadId=${sessionId}`, EXTRA)
      assert.equal(sdk.ready.threadId, sessionId)
      sdk.send(JSON.stringify({ type: "subscribe", threadId: sessionId }))
      sdk.send(JSON.stringify({ type: "ping" }))
      assert.deepEqual(await sdk.answer(1), { type: "pong" })
      for (const [i, bad] of [
        "not json",
        '{"type":"other"}',
        '{"type":"subscribe","threadId":""}',
      ].entries()) {
        sdk.send(bad)
        assert.deepEqual(await sdk.answer(i + 2), { type: "error", message: "invalid websocket command" })
      }
      await ended(sdk, await send(world, sessionId, "hello"))
      // Each notification in the SDK's spelling and in the web UI's, with the same params, the thread in the envelope.
      const of = (type: string): Frame[] => sdk.frames.filter((frame) => frame.type === type)
      for (const method of ["turn/started", "item/started", "item/completed"]) {
        const signals = of(`app_server.${method.replace("/", ".")}`)
        const raw = of("notification").filter(({ payload }) => payload.method === method)
        assert.ok(raw.length > 0, method)
        for (const { threadId } of raw) assert.equal(threadId, sessionId)
        for (const { payload } of raw) {
          const same = signals.filter((frame) => frame.text.includes(JSON.stringify(payload.params)))
          assert.equal(same.length, 1, `${method}: ${signals.map(({ text }) => text).join("\n")}`)
        }
      }
      const all = await listen(world.daemon, "threadId=")
      assert.equal(all.ready.threadId, null)
      sdk.close()
      all.close()
    },
  },
  {
    name: "lists of a session that nobody knows are empty; what isn't there is said without a failure",
    async run(world) {
      for (const list of ["approvals", "tool-input", "tool-calls"]) {
        const { status, body } = await get<{ data: unknown[] }>(world, `/api/sessions/${NOBODY}/${list}`)
        assert.deepEqual([list, status, body.data], [list, 200, []])
      }
      const sessionId = await newSession(world)
      // Owner ids are not encoded by the SDK.
      for (const list of ["agent-sessions", "orchestrator/jobs"]) {
        const { status, body } = await get<{ data: unknown[] }>(
          world,
          `/api/projects/session:${sessionId}/${list}`,
        )
        assert.deepEqual([list, status, body.data], [list, 200, []])
      }
      const gone = await ask(world.daemon.url, `/api/sessions/${sessionId}/settings/none`, {
        method: "DELETE",
      })
      assert.deepEqual([gone.status, gone.body.status, gone.body.removed], [200, "unchanged", false])
      const none = await get(world, `/api/sessions/${sessionId}/settings?scope=session&key=none`)
      assert.deepEqual([none.status, none.body.found], [200, false])
    },
  },
]
