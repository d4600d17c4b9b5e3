// The service itself (wire-contract §1.1) and requests that nobody can mean (§0.1, §0.2).

import { strict as assert } from "node:assert"
import { ask, type Reply } from "../../support/client.ts"
import { type Check, get, type Health, health, newSession, post } from "../world.ts"

const NOBODY = "01a00000-0000-7000-8000-000000000000"
const JSON_TYPE = "application/json; charset=utf-8"

const is = ({ status, headers, body }: Reply, expected: number, what: Record<string, unknown>) => {
  assert.equal(status, expected, JSON.stringify(body))
  assert.equal(headers["content-type"], JSON_TYPE)
  for (const [key, value] of Object.entries(what)) assert.deepEqual(body[key], value, key)
}
const V400 = { status: "error", code: "invalid_request" }
const H4XX = { status: "error", code: "request_failed" }

export const serviceChecks: Check[] = [
  {
    name: "says its name, and HEAD answers wherever GET does",
    async run(world) {
      const { body, headers } = await get(world, "/api")
      assert.equal(typeof body.name, "string")
      assert.equal(typeof body.version, "string")
      assert.equal(headers["content-type"], JSON_TYPE)
      const head = await ask(world.daemon.url, "/api/health", { method: "HEAD" })
      assert.equal(head.status, 200)
      assert.equal(head.text, "")
    },
  },
  {
    name: "health has the contract's body and the child's version",
    async run(world) {
      const report = await health(world)
      assert.equal(report.status, "ok")
      assert.equal(report.service, "api")
      assert.ok(report.codex.running && report.codex.initialized)
      assert.equal(typeof report.codex.pid, "number")
      assert.equal(report.runtime.version, world.codexVersion)
      assert.equal((report.orchestratorQueue as { enabled: boolean }).enabled, true)
      assert.deepEqual(Object.keys(report.auth as object).sort(), [
        "codexHomeAuthFile",
        "hasOpenAiApiKey",
        "likelyUnauthenticated",
      ])
      assert.ok(!Number.isNaN(Date.parse(String(report.timestamp))))
    },
  },
  {
    name: "unknown paths are 404 in their own shape, wrong methods 405 with Allow",
    async run(world) {
      const message = (path: string) => `Route GET:${path} not found`
      for (const path of [
        "/api/nothing",
        "/api/health/",
        "/api/Sessions",
        "/nothing",
        "/api/sessions/a/b/c",
      ]) {
        const reply = await get(world, path)
        assert.equal(reply.status, 404, path)
        assert.deepEqual(reply.body, { message: message(path), error: "Not Found", statusCode: 404 })
      }
      const wrong = [
        ["DELETE", "/api/health", ["GET", "HEAD"]],
        ["PUT", "/api/sessions", ["GET", "HEAD", "POST"]],
        ["GET", `/api/sessions/${NOBODY}/messages`, ["POST"]],
        ["GET", "/api/approvals/x/decision", ["POST"]],
        ["POST", "/api/stream", ["GET", "HEAD"]],
        ["POST", "/api/events", ["GET", "HEAD"]],
      ] as const
      for (const [method, path, allow] of wrong) {
        const reply = await ask(world.daemon.url, path, { method })
        is(reply, 405, { ...V400 })
        assert.deepEqual(String(reply.headers.allow).split(", ").sort(), allow, path)
      }
    },
  },
  {
    name: "bodies that are no JSON, no object, too large or of another type are refused",
    async run(world) {
      const { url } = world.daemon
      const at = "/api/sessions"
      is(await ask(url, at, { raw: "{" }), 400, H4XX)
      is(await ask(url, at, { raw: "" }), 400, H4XX)
      for (const raw of ["null", "[]", '"text"', "1"]) is(await ask(url, at, { raw }), 400, V400)
      is(await ask(url, at, { raw: "a=b", headers: { "content-type": "text/plain" } }), 415, H4XX)
      const chunked = { "transfer-encoding": "chunked", "content-type": "application/json" }
      const huge = `{"cwd":"${"x".repeat(1024 * 1024)}"}`
      is(await ask(url, at, { stream: ["{", "}}"], headers: chunked }), 400, H4XX)
      is(await ask(url, at, { stream: ['{"cwd"', ":5}"], headers: chunked }), 400, V400)
      is(await ask(url, at, { stream: [huge.slice(0, 9), huge.slice(9)], headers: chunked }), 413, H4XX)
      // Neither a body nor a word about one: as `{}`.
      is(await ask(url, `/api/sessions/${NOBODY}/interrupt`, { method: "POST" }), 409, {
        status: "no_active_turn",
      })
      const large = JSON.stringify({ cwd: "x".repeat(1024 * 1024) })
      is(await ask(url, at, { raw: large }), 413, H4XX)
      is(await post(world, `/api/sessions/${NOBODY}/messages`, { text: "x".repeat(1024 * 1024) }), 413, H4XX)
      is(
        await post(world, `/api/tool-calls/${NOBODY}/response`, { text: "x".repeat(2 * 1024 * 1024) }),
        404,
        {
          status: "not_found",
        },
      )
    },
  },
  {
    name: "wrong types and values are 400 with issues, and change nothing",
    async run(world) {
      const before = (await get<{ data: unknown[] }>(world, "/api/sessions")).body.data.length
      const bad: [string, unknown][] = [
        ["/api/sessions", { cwd: 5 }],
        ["/api/sessions", { cwd: "  " }],
        ["/api/sessions", { approvalPolicy: "always" }],
        ["/api/sessions", { networkAccess: true }],
        ["/api/sessions", { filesystemSandbox: "none" }],
        ["/api/sessions", { dynamicTools: {} }],
        ["/api/sessions", { dynamicTools: [{ name: "x" }] }],
        ["/api/approvals/x/decision", {}],
        ["/api/approvals/x/decision", { decision: "perhaps" }],
        ["/api/approvals/x/decision", { decision: "accept", scope: "for ever" }],
        ["/api/tool-input/x/decision", { decision: "accept", answers: { q: "yes" } }],
        ["/api/tool-calls/x/response", { success: "yes" }],
        ["/api/tool-calls/x/response", { contentItems: [{ type: "inputVideo" }] }],
      ]
      for (const [path, json] of bad) {
        const reply = await post(world, path, json)
        is(reply, 400, V400)
        const issues = reply.body.issues as { code: string; path: unknown[]; message: string }[]
        assert.ok(issues.length > 0 && Array.isArray(issues[0]?.path), path)
      }
      const id = await newSession(world)
      for (const json of [{}, { text: "" }, { text: " \n " }, { text: 1 }, { text: "x", effort: "some" }]) {
        is(await post(world, `/api/sessions/${id}/messages`, json), 400, V400)
      }
      is(await post(world, `/api/sessions/${id}/interrupt`, { turnId: "" }), 400, V400)
      const after = (await get<{ data: unknown[] }>(world, "/api/sessions?limit=200")).body.data.length
      assert.equal(after, before + 1)
    },
  },
  {
    name: "unknown ids, and ids that are no uuids, are 404; their request lists are empty",
    async run(world) {
      for (const id of [NOBODY, "nobody", "0", "session:x", "..%2F..%2Fetc", "%00", "é".repeat(50)]) {
        const at = `/api/sessions/${encodeURI(id).replaceAll("%25", "%")}`
        const sessionId = decodeURIComponent(id)
        is(await get(world, at), 404, { status: "not_found", sessionId })
        is(await post(world, `${at}/messages`, { text: "x" }), 404, { status: "not_found", sessionId })
        is(await post(world, `${at}/messages`, { text: "" }), 404, { status: "not_found", sessionId })
        is(await post(world, `${at}/interrupt`), 409, { status: "no_active_turn", sessionId })
        for (const list of ["approvals", "tool-input", "tool-calls"]) {
          is(await get(world, `${at}/${list}`), 200, { data: [] })
        }
        is(
          await post(world, `/api/approvals/${encodeURI(id).replaceAll("%25", "%")}/decision`, {
            decision: "accept",
          }),
          404,
          {
            status: "not_found",
          },
        )
      }
    },
  },
  {
    name: "queries are checked: limits, booleans, cursors, families",
    async run(world) {
      for (const query of [
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=1.5",
        "archived=1",
        "archived=TRUE",
        "cursor=",
        "cursor=zzz",
        "includeSystemOwned=yes",
      ]) {
        const reply = await get(world, `/api/sessions?${query}`)
        assert.equal(reply.status, 400, query)
        is(reply, 400, V400)
      }
      is(await get(world, "/api/events?families=notification,gossip"), 400, V400)
      is(await get(world, "/api/stream?families=gossip"), 400, V400)
    },
  },
  {
    name: "foreign Hosts and Origins are refused, also on the stream",
    async run(world) {
      const { url, port } = world.daemon
      for (const path of ["/api", "/api/health", "/api/sessions", "/api/events", "/api/stream", "/nothing"]) {
        is(await ask(url, path, { headers: { host: "evil.example" } }), 403, { status: "error" })
        is(await ask(url, path, { headers: { host: `evil.example:${port}` } }), 403, { status: "error" })
        const origins = ["http://evil.example", "null", "http://127.0.0.1:1", `https://127.0.0.1:${port}`]
        for (const origin of origins)
          is(await ask(url, path, { headers: { origin } }), 403, { status: "error" })
      }
      const own = { host: `localhost:${port}`, origin: `http://localhost:${port}` }
      assert.equal((await ask<Health>(url, "/api/health", { headers: own })).status, 200)
    },
  },
]
