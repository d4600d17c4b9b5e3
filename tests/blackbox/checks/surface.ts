// What Codex itself answers, through the routes that hand calls on (wire-contract §1.1, §1.2): the same checks for every
// binary; where they differ, its own list of methods says so. Nothing here leaves the machine.

import { strict as assert } from "node:assert"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { request } from "node:http"
import { join } from "node:path"
import { ask } from "../../support/client.ts"
import { type Check, get, newSession, post, type World } from "../world.ts"

interface Listed {
  data: Record<string, unknown>[]
  nextCursor: string | null
}
interface Wrapped {
  status: string
  result: Record<string, unknown>
}
interface Abilities {
  runtime: { initialized: boolean; capabilitiesLastUpdatedAt: string | null }
  methods: Record<string, string>
  details: Record<string, { status: string; reason: string | null }>
  features: Record<string, boolean>
}
interface Raw {
  result?: Record<string, unknown> & { data?: unknown[] }
  error?: { code: number; message: string }
}

const abilities = async (world: World, query = ""): Promise<Abilities> =>
  (await get<Abilities>(world, `/api/capabilities${query}`)).body

const isOld = ({ codexVersion }: World): boolean => ["0.105.0", "0.130.0"].includes(codexVersion)

const runs = (marker: string): boolean =>
  readdirSync("/proc").some((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(marker)
    } catch {
      return false
    }
  })

/** Nobody tells us of processes that come and go: looked at again and again, the net is 60 s. */
async function until(holds: () => boolean, what: string): Promise<void> {
  const net = performance.now() + 60_000
  while (!holds()) {
    assert.ok(performance.now() < net, what)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

export const surfaceChecks: readonly Check[] = [
  {
    name: "capabilities come from the binary's own list, all 29 methods and every flag",
    async run(world) {
      const { runtime, methods, details, features } = await abilities(world)
      assert.equal(runtime.initialized, true)
      assert.match(runtime.capabilitiesLastUpdatedAt ?? "", /^\d{4}-/)
      assert.equal(Object.keys(methods).length, 29)
      for (const [method, status] of Object.entries(methods)) assert.equal(details[method]?.status, status)
      assert.equal(methods["skills/remote/read"], "disabled")
      assert.match(details["skills/remote/read"]?.reason ?? "", /skills\/remote\/read/)
      const flags = ["threadFork", "reviewStart", "threadCompact", "threadRollback", "accountLifecycle"]
      for (const flag of flags) assert.equal(features[flag], true, flag)
      assert.equal(methods["thread/rollback"], "available")
      const again = await abilities(world, "?refresh=true")
      assert.deepEqual(again.methods, methods)
      const at = ({ runtime: { capabilitiesLastUpdatedAt } }: Pick<Abilities, "runtime">) =>
        Date.parse(capabilitiesLastUpdatedAt ?? "")
      assert.ok(at(again) > at({ runtime }))
    },
  },
  {
    name: "lists: models, features, modes, apps, skills, MCP servers",
    async run(world) {
      for (const path of ["models", "features/experimental", "collaboration/modes"]) {
        const { status, body } = await get<Listed>(world, `/api/${path}`)
        assert.equal(status, 200, path)
        assert.ok(body.data.length > 0, path)
      }
      const skills = await get<Listed>(world, `/api/skills?forceReload=true&cwd=${world.daemon.work}`)
      assert.equal(skills.body.data[0]?.cwd, world.daemon.work)
      const one = await get<Listed>(world, "/api/models?limit=1")
      assert.equal(one.body.data.length, 1)
      const cursor = encodeURIComponent(one.body.nextCursor ?? "")
      const two = await get<Listed>(world, `/api/models?limit=1&cursor=${cursor}`)
      assert.notEqual(two.body.data[0]?.id, one.body.data[0]?.id)
      const nowhere = await get(world, "/api/models?cursor=nonsense")
      assert.deepEqual([nowhere.status, nowhere.body.code], [400, "invalid_params"])
      assert.deepEqual((await get<Listed>(world, "/api/apps")).body.data, [])
      assert.deepEqual((await get<Listed>(world, "/api/mcp/servers")).body.data, [])
    },
  },
  {
    name: "a skill is switched off, and the list shows it",
    async run(world) {
      const folder = join(world.daemon.work, ".agents/skills/told")
      const old = join(world.daemon.work, ".codex/skills/told")
      for (const path of [folder, old]) {
        mkdirSync(path, { recursive: true })
        writeFileSync(join(path, "SKILL.md"), "---\nname: told\ndescription: says so\n---\n")
      }
      const told = async () => {
        const { body } = await get<Listed>(world, `/api/skills?forceReload=true&cwd=${world.daemon.work}`)
        const skills = body.data.flatMap(
          ({ skills }) => skills as { name: string; path: string; enabled: boolean }[],
        )
        return skills.filter((one) => one.name === "told")
      }
      const [before] = await told()
      assert.equal(before?.enabled, true)
      for (const { path } of await told()) {
        const { status, body } = await post<Wrapped>(world, "/api/skills/config", { path, enabled: false })
        assert.deepEqual([status, body], [200, { status: "ok", result: { effectiveEnabled: false } }])
      }
      for (const { enabled } of await told()) assert.equal(enabled, false)
    },
  },
  {
    name: "what a binary lacks is 501 with the method's name",
    async run(world) {
      for (const reply of [
        await get(world, "/api/skills/remote"),
        await post(world, "/api/skills/remote", { hazelnutId: "h", isPreload: false }),
      ]) {
        assert.equal(reply.status, 501)
        assert.equal(reply.body.code, "method_not_supported")
        assert.match(String((reply.body.details as { method: string }).method), /^skills\/remote\//)
      }
    },
  },
  {
    name: "the account: nobody, limits are 401, a login by key is kept and masked, a browser's is cancelled, logout",
    async run(world) {
      const account = await get<{ account: unknown }>(world, "/api/account")
      assert.deepEqual([account.status, account.body.account], [200, null])
      const limits = await get(world, "/api/account/rate-limits")
      assert.deepEqual(
        [limits.status, limits.body.code, limits.body.details],
        [401, "auth_required", { method: "account/rateLimits/read" }],
      )
      const apiKey = "sk-surface-0123456789"
      const login = await post<Wrapped>(world, "/api/account/login/start", { type: "apiKey", apiKey })
      assert.deepEqual(login.body.result, { type: "apiKey" })
      assert.ok(!world.daemon.said().includes(apiKey))
      assert.equal((await get(world, "/api/account/rate-limits")).status, 401)
      const browser = await post<Wrapped>(world, "/api/account/login/start", { type: "chatgpt" })
      assert.match(String(browser.body.result.authUrl), /^https:/)
      const { loginId } = browser.body.result
      const cancelled = await post<Wrapped>(world, "/api/account/login/cancel", { loginId })
      assert.equal(cancelled.body.result.status, "canceled")
      const nobody = await post(world, "/api/account/login/cancel", { loginId: "nope" })
      assert.deepEqual(
        [nobody.status, nobody.body.details],
        [404, { method: "account/login/cancel", loginId: "nope" }],
      )
      assert.deepEqual((await post<Wrapped>(world, "/api/account/logout")).body, { status: "ok", result: {} })
    },
  },
  {
    name: "the configuration is read, written by value and in a batch, and a stale version is refused",
    async run(world) {
      const config = await get<{ config: { model: string }; layers: unknown[] }>(
        world,
        "/api/config?includeLayers=true",
      )
      assert.equal(typeof config.body.config.model, "string")
      assert.ok(config.body.layers.length > 0)
      const requirements = await get<{ requirements: unknown }>(world, "/api/config/requirements")
      assert.equal(requirements.body.requirements, null)
      const value = { keyPath: ["model_reasoning_effort"], mergeStrategy: "replace", value: "low" }
      const written = await post<Wrapped>(world, "/api/config/value", value)
      assert.deepEqual([written.status, written.body.result.status], [200, "ok"])
      const edits = [{ keyPath: "model_reasoning_effort", mergeStrategy: "upsert", value: "high" }]
      assert.equal((await post(world, "/api/config/batch", { edits })).status, 200)
      const read = await get<{ config: Record<string, unknown> }>(world, "/api/config")
      assert.equal(read.body.config.model_reasoning_effort, "high")
      const stale = await post(world, "/api/config/value", { ...value, expectedVersion: "sha256:0" })
      assert.deepEqual([stale.status, stale.body.code], [409, "invalid_state"])
      const { keyPath, mergeStrategy } = value
      const none = await post(world, "/api/config/value", { keyPath, mergeStrategy })
      assert.deepEqual([none.status, none.body.code], [400, "invalid_params"])
      const edit = { keyPath: "approval_policy", mergeStrategy: "replace", value: "nonsense" }
      for (const [path, body] of [
        ["value", edit],
        ["batch", { edits: [edit] }],
      ] as const) {
        const wrong = await post(world, `/api/config/${path}`, body)
        assert.deepEqual([wrong.status, wrong.body.code], [400, "invalid_params"], path)
      }
      const odd = { keyPath: ["projects", "/a.b", "trust_level"], mergeStrategy: "replace", value: "trusted" }
      assert.equal((await post(world, "/api/config/value", odd)).status, isOld(world) ? 400 : 200)
    },
  },
  {
    name: "MCP: reload; an unknown server is 404 with its name",
    async run(world) {
      const reload = await ask(world.daemon.url, "/api/mcp/reload", { method: "POST" })
      assert.deepEqual([reload.status, reload.body], [200, { status: "ok", result: {} }])
      const login = await post(world, "/api/mcp/servers/no%2Fbody/oauth/login", { timeoutSecs: "5" })
      assert.deepEqual(
        [login.status, login.body.details],
        [404, { method: "mcpServer/oauth/login", name: "no/body" }],
      )
    },
  },
  {
    name: "a command runs, and one that takes too long is stopped",
    async run(world) {
      const ran = await post<Wrapped>(world, "/api/commands/exec", { command: ["printf", " a  b"] })
      assert.deepEqual([ran.status, ran.body.result.exitCode, ran.body.result.stdout], [200, 0, " a  b"])
      const slow = await post<Wrapped>(world, "/api/commands/exec", {
        command: ["sleep", "30"],
        timeoutMs: 100,
      })
      if (world.codexVersion === "0.105.0") assert.equal(slow.status, 504)
      else assert.equal(slow.body.result.exitCode, 124)
    },
  },
  {
    name: "a command whose client goes away is ended",
    async run(world) {
      if (world.codexVersion === "0.105.0") return
      // A number that no other process has in its command line.
      const marker = `${100_000 + world.daemon.port}.5`
      const goer = request(`${world.daemon.url}/api/commands/exec`, {
        method: "POST",
        headers: { "content-type": "application/json" },
      })
      goer.on("error", () => {})
      goer.end(JSON.stringify({ command: ["sleep", marker], timeoutMs: 600_000 }))
      await until(() => runs(marker), "the command runs")
      goer.destroy()
      await until(() => !runs(marker), "the command is over")
    },
  },
  {
    name: "raw calls: the result as it is, the child's own error, ids of sessions mapped, no way behind our back",
    async run(world) {
      const models = await post<Raw>(world, "/api/rpc", { method: "model/list", params: { limit: 2 } })
      assert.equal(models.body.result?.data?.length, 2)
      const wrong = await post<Raw>(world, "/api/rpc", { method: "model/list", params: { limit: "two" } })
      assert.equal(wrong.status, 200)
      assert.equal(wrong.body.error?.code, -32600)
      const sessionId = await newSession(world)
      const read = await post<Raw>(world, "/api/rpc", {
        method: "thread/read",
        params: { threadId: sessionId, includeTurns: false },
      })
      assert.equal((read.body.result?.thread as { id: string } | undefined)?.id, sessionId)
      const lacks = await post(world, "/api/rpc", { method: "no/such" })
      assert.deepEqual([lacks.status, lacks.body.details], [501, { method: "no/such" }])
      const start = await post(world, "/api/rpc", { method: "turn/start", params: { threadId: sessionId } })
      assert.deepEqual([start.status, start.body.code], [403, "rpc_refused"])
    },
  },
  {
    name: "the document is served, and it is the one that the tests hold answers against",
    async run(world) {
      const { status, body } = await get<{ paths: object; openapi: string }>(world, "/api/openapi.json")
      assert.equal(status, 200)
      assert.equal(body.openapi, "3.1.0")
      assert.ok("/api/models" in body.paths)
    },
  },
  {
    name: "the reference page brings everything itself, and lets nothing in from elsewhere",
    async run({ daemon }) {
      const page = await ask(daemon.url, "/api/docs")
      assert.equal(page.status, 200)
      const parts = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = ""]) => path)
      assert.equal(parts.length, 3)
      for (const path of parts) {
        const part = await ask(daemon.url, path)
        assert.equal(part.status, 200, path)
        assert.match(
          String(part.headers["content-security-policy"]),
          /^default-src 'none'; script-src 'self';/,
        )
        assert.equal(part.headers["x-content-type-options"], "nosniff")
      }
      const script = await ask(daemon.url, "/api/docs/swagger-ui.js")
      assert.ok(script.text.includes("SwaggerUIBundle") && script.text.length > 1_000_000)
      assert.doesNotMatch(page.text, /https?:|<script>|style=/)
    },
  },
]
