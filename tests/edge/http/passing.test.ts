// The routes that hand calls on to Codex, through the whole of HTTP: which call each makes, what its answer is, and what
// happens when many ask, when the client goes away, when Codex refuses.

import { expect, test } from "bun:test"
import { Fault } from "../../../src/base/fault.ts"
import { createApi } from "../../../src/edge/http/api.ts"
import { ROUTES_INSTEAD } from "../../../src/edge/http/routes/rpc.ts"
import type { PassedCall } from "../../../src/engine/runtime/protocol/pass.ts"
import { createPassing } from "../../../src/flow/pass/pass.ts"
import { goldenText } from "../../support/api.ts"
import { mustBeDescribed } from "../../support/described.ts"
import { openDoor } from "../../support/doors.ts"
import { openRooms } from "../../support/rooms.ts"

interface Given {
  rpc?: boolean
  has?(method: string): boolean | undefined
  /** Where from: `unix` is the owner's socket. */
  via?: string
  token?: string
}

function start({ rpc = true, has = () => true, via = "127.0.0.1", ...given }: Given = {}) {
  const house = openRooms()
  const calls: PassedCall[] = []
  const waiting: PromiseWithResolvers<unknown>[] = []
  let answer: (call: PassedCall) => unknown = () => ({ data: [] })
  const pass = async (call: PassedCall) => {
    calls.push(call)
    return answer(call)
  }
  const supervisor = { state: () => ({ runId: "run" }), has, quirks: () => ({ quotesKeys: has("quotes") }) }
  const passing = createPassing({
    ...house,
    onFault: (error) => house.faults.push(error),
    supervisor: supervisor as never,
    codex: { pass, passRaw: async (call) => ({ result: await pass(call) }) },
  })
  const open = { token: undefined, host: "127.0.0.1", allowedHosts: [], allowedOrigins: [] }
  const { token } = given
  const door = token === undefined ? open : openDoor({ ...house, token })
  const api = createApi({ ...house, passing, rpc, door, gate: () => async () => {} } as never)
  async function ask(method: string, path: string, json?: unknown, signal?: AbortSignal) {
    const request = new Request(`http://127.0.0.1/api${path}`, {
      method,
      headers: { host: "127.0.0.1", ...(json !== undefined && { "content-type": "application/json" }) },
      ...(json !== undefined && { body: JSON.stringify(json) }),
      ...(signal && { signal }),
    })
    const response = await api.fetch(request, { address: via, holdOpen: () => {} } as never)
    const reply = { status: response?.status ?? 0, body: await response?.json() }
    mustBeDescribed(method, `/api${path}`, reply)
    return { ...reply, retry: response?.headers.get("retry-after") }
  }
  return {
    ...house,
    calls,
    ask,
    answers: (give: typeof answer) => {
      answer = give
    },
    /** From now on the child answers when the test does. */
    waits: () => {
      answer = () => {
        const one = Promise.withResolvers<unknown>()
        waiting.push(one)
        return one.promise
      }
      return waiting
    },
  }
}

const LOGIN = { type: "chatgptAuthTokens", accessToken: "eyJsecret-token", chatgptAccountId: "acc" }

/** Route, body; method, params; whether the answer is wrapped. */
const CALLS: [string, unknown, string, unknown][] = [
  ["GET /features/experimental", undefined, "experimentalFeature/list", { limit: 100, cursor: null }],
  ["GET /collaboration/modes?limit=5", undefined, "collaborationMode/list", { limit: 5, cursor: null }],
  ["GET /apps", undefined, "app/list", { limit: 100, cursor: null, threadId: null, forceRefetch: false }],
  [
    "GET /apps?threadId=t&forceRefetch=true&cursor=c&limit=200",
    undefined,
    "app/list",
    { limit: 200, cursor: "c", threadId: "t", forceRefetch: true },
  ],
  ["GET /skills", undefined, "skills/list", { forceReload: false }],
  ["GET /skills?forceReload=true&cwd=/w", undefined, "skills/list", { forceReload: true, cwds: ["/w"] }],
  [
    "POST /skills/config",
    { path: " /s ", enabled: false },
    "skills/config/write",
    { path: "/s", enabled: false },
  ],
  ["GET /skills/remote", undefined, "skills/remote/read", {}],
  [
    "POST /skills/remote",
    { hazelnutId: "h", isPreload: true, more: 1 },
    "skills/remote/write",
    { hazelnutId: "h", isPreload: true },
  ],
  ["POST /mcp/reload", undefined, "config/mcpServer/reload", undefined],
  ["GET /mcp/servers", undefined, "mcpServerStatus/list", { limit: 100 }],
  ["GET /models?cursor=c", undefined, "model/list", { limit: 100, cursor: "c" }],
  [
    "POST /mcp/servers/a%2Fb/oauth/login",
    { scopes: ["x"], timeoutSecs: "30" },
    "mcpServer/oauth/login",
    { name: "a/b", scopes: ["x"], timeoutSecs: 30 },
  ],
  [
    "POST /mcp/servers/a/oauth/login",
    undefined,
    "mcpServer/oauth/login",
    { name: "a", scopes: null, timeoutSecs: null },
  ],
  ["GET /account", undefined, "account/read", {}],
  ["POST /account/login/start", { type: "chatgpt" }, "account/login/start", { type: "chatgpt" }],
  ["POST /account/login/start", LOGIN, "account/login/start", { ...LOGIN, chatgptPlanType: null }],
  ["POST /account/login/cancel", { loginId: "l" }, "account/login/cancel", { loginId: "l" }],
  ["POST /account/logout", {}, "account/logout", undefined],
  ["GET /account/rate-limits", undefined, "account/rateLimits/read", undefined],
  ["GET /config", undefined, "config/read", { cwd: null, includeLayers: false }],
  ["GET /config?cwd=/w&includeLayers=true", undefined, "config/read", { cwd: "/w", includeLayers: true }],
  ["GET /config/requirements", undefined, "configRequirements/read", undefined],
  [
    "POST /config/value",
    { keyPath: "a.b", mergeStrategy: "upsert", value: null },
    "config/value/write",
    { keyPath: "a.b", mergeStrategy: "upsert", value: null, expectedVersion: null, filePath: null },
  ],
  [
    "POST /config/value",
    {
      keyPath: ["projects", "/a.b", "c"],
      mergeStrategy: "replace",
      value: 1,
      expectedVersion: 3,
      filePath: "/f",
    },
    "config/value/write",
    {
      keyPath: 'projects."/a.b".c',
      mergeStrategy: "replace",
      value: 1,
      expectedVersion: "3",
      filePath: "/f",
    },
  ],
  [
    "POST /config/batch",
    { edits: [{ keyPath: "a", mergeStrategy: "replace", value: { b: [] } }] },
    "config/batchWrite",
    {
      edits: [{ keyPath: "a", mergeStrategy: "replace", value: { b: [] } }],
      expectedVersion: null,
      filePath: null,
    },
  ],
  [
    "POST /feedback",
    { classification: "bug", includeLogs: true, reason: "r" },
    "feedback/upload",
    { classification: "bug", includeLogs: true, reason: "r", threadId: null },
  ],
]

test.each(CALLS)("%s with %j calls %s", async (route, body, method, params) => {
  const { ask, calls } = start()
  const [verb = "", path = ""] = route.split(" ")
  const { status, body: got } = await ask(verb, path, body)
  expect([status, got]).toEqual([200, expect.anything()])
  expect(calls.map((call) => [call.method, call.params])).toEqual([[method, params]])
  if (verb === "POST") expect(got).toEqual({ status: "ok", result: { data: [] } })
})

/** As 0.169.0 answers. */
const CONFIG = {
  config: {
    model: "m",
    mcp_servers: {
      one: { command: "one", args: ["--fast"], env: { ANY_NAME: "leak-1", GITHUB_TOKEN: "leak-2" } },
      two: { url: "https://two", bearer_token_env_var: "TWO", http_headers: { "X-Odd": "leak-3" } },
    },
    model_providers: {
      mine: { env_key: "MINE", experimental_bearer_token: "leak-4", query_params: { k: "leak-5" } },
    },
    shell_environment_policy: { inherit: "none", set: { DB: "leak-6" } },
    model_auto_compact_token_limit: 7,
    features: { api_key_model_discovery: true },
  },
  origins: { "mcp_servers.one.env.GITHUB_TOKEN": { name: { type: "user", file: "/f" }, version: "v" } },
  layers: [{ name: { type: "user" }, config: { mcp_servers: { one: { env: { ANY_NAME: "leak-7" } } } } }],
}

test("the keys in Codex's configuration are for who may change it; others see all the rest", async () => {
  const found: unknown[] = []
  for (const given of [{}, { token: "t", via: "unix" }]) {
    const { ask, answers } = start(given)
    answers(() => CONFIG)
    const { status, body } = await ask("GET", "/config?includeLayers=true")
    expect(status).toBe(200)
    found.push(body)
  }
  const [whole, masked] = found
  expect(whole).toEqual(CONFIG)
  expect(JSON.stringify(masked)).not.toContain("leak")
  expect(JSON.parse(JSON.stringify(masked).replaceAll("[masked]", "leak"))).toEqual(
    JSON.parse(JSON.stringify(CONFIG).replace(/leak-\d/g, "leak")),
  )
})

const BAD: [string, unknown][] = [
  ["GET /models?limit=0", undefined],
  ["GET /models?limit=201", undefined],
  ["GET /models?refresh=yes", undefined],
  ["GET /apps?cursor=", undefined],
  ["POST /skills/config", { path: "  ", enabled: true }],
  ["POST /account/login/start", { type: "apiKey" }],
  ["POST /account/login/start", { type: "other" }],
  ["POST /config/value", { keyPath: [], mergeStrategy: "replace", value: 1 }],
  ["POST /config/batch", { edits: [] }],
  ["POST /commands/exec", { command: [] }],
  ["POST /commands/exec", { command: ["ls", " "] }],
  ["POST /commands/exec", { command: ["ls"], timeoutMs: 0 }],
  ["POST /mcp/servers/a/oauth/login", { timeoutSecs: "soon" }],
  ["POST /feedback", { classification: "bug" }],
  ["POST /rpc", { params: {} }],
]
test.each(BAD)("%s with %j is refused before any call", async (route, body) => {
  const { ask, calls } = start()
  const [verb = "", path = ""] = route.split(" ")
  expect(await ask(verb, path, body)).toMatchObject({ status: 400, body: { code: "invalid_request" } })
  expect(calls).toEqual([])
})

test("a failure has the method and what was asked for in its details, and overload says when to come back", async () => {
  const { ask, answers } = start()
  answers(({ method, about }) => {
    throw new Fault("codex_overloaded", "-32001: later", { method, ...about })
  })
  const { status, body, retry } = await ask("POST", "/account/login/cancel", { loginId: "l" })
  expect([status, body.details, retry]).toEqual([503, { method: "account/login/cancel", loginId: "l" }, "1"])
})

test("calls have the deadlines of their kind", async () => {
  const { ask, calls } = start()
  await ask("GET", "/account")
  await ask("POST", "/feedback", { classification: "bug", includeLogs: false })
  await ask("POST", "/account/login/start", { type: "chatgpt" })
  await ask("POST", "/commands/exec", { command: ["ls"] })
  await ask("POST", "/commands/exec", { command: ["ls"], timeoutMs: 60_000 })
  await ask("POST", "/commands/exec", { command: ["ls"], timeoutMs: 2 ** 40 })
  expect(calls.map((call) => call.deadlineMs)).toEqual([
    25_000,
    120_000,
    120_000,
    25_000,
    65_000,
    2 ** 31 - 1,
  ])
})

test("what was given to log in is masked from then on", async () => {
  const { ask, masks } = start()
  await ask("POST", "/account/login/start", { type: "apiKey", apiKey: "sk-abcdefghij" })
  await ask("POST", "/account/login/start", LOGIN)
  await ask("POST", "/rpc", { method: "x/y", params: { deep: [{ refreshToken: "r-0123456789" }] } })
  expect(masks.apply("sk-abcdefghij eyJsecret-token r-0123456789")).toBe("[masked] [masked] [masked]")
})

test("raw params hide what stands under a name of a secret, whatever the method, and nothing else", async () => {
  const { ask, masks } = start()
  const hidden = {
    openaiApiKey: "one-secret",
    secretAccessKey: "two-secret",
    http_headers: { Authorization: "Bearer three-secret" },
    tokens: ["four-secret"],
    credentials: { deep: { any: "five-secret" } },
    bearer_token: "six-secret",
  }
  const shown = {
    pageToken: "one-shown",
    nextToken: "two-shown",
    env_key: "three-shown",
    token_limit: 100_000,
  }
  const params = { ...hidden, ...shown, bearer_token_env_var: "four-shown" }
  await ask("POST", "/rpc", { method: "x/y", params })
  const words = ["one", "two", "three", "four", "five", "six"]
  for (const word of words) expect(masks.apply(`${word}-secret`)).toBe("[masked]")
  for (const word of words) expect(masks.apply(`${word}-shown`)).toBe(`${word}-shown`)
  expect(masks.apply("100000")).toBe("100000")
})

test("many who ask for the models at once are one call; a moment later it is another", async () => {
  const { ask, calls, waits, clock } = start()
  const open = waits()
  const asked = Array.from({ length: 20 }, () => ask("GET", "/models"))
  const other = ask("GET", "/models?limit=1")
  while (open.length < 2) await new Promise((next) => setImmediate(next))
  for (const one of open) one.resolve({ data: ["m"] })
  for (const { body } of await Promise.all(asked)) expect(body).toEqual({ data: ["m"] })
  await other
  expect(calls.length).toBe(2)
  await ask("GET", "/models")
  expect(calls.length).toBe(2)
  clock.turn(2_001)
  const again = ask("GET", "/models")
  while (open.length < 3) await new Promise((next) => setImmediate(next))
  open[2]?.resolve({ data: [] })
  expect((await again).body).toEqual({ data: [] })
})

test("refresh asks anew, for all; a write makes what was read doubtful; a failure is not kept", async () => {
  const { ask, calls, answers } = start()
  answers(() => ({ data: [calls.length] }))
  expect((await ask("GET", "/skills")).body.data).toEqual([1])
  expect((await ask("GET", "/skills?refresh=true")).body.data).toEqual([2])
  expect((await ask("GET", "/skills")).body.data).toEqual([2])
  await ask("POST", "/skills/config", { path: "/s", enabled: true })
  expect((await ask("GET", "/skills")).body.data).toEqual([4])
  answers(() => {
    throw new Fault("codex_error", "no", { method: "model/list" })
  })
  expect((await ask("GET", "/models")).status).toBe(500)
  answers(() => ({ data: [] }))
  expect((await ask("GET", "/models")).status).toBe(200)
})

test("a client that goes away calls its call off; a shared one goes on while anybody waits", async () => {
  const { ask, calls, waits } = start()
  const open = waits()
  const goer = new AbortController()
  const alone = ask("GET", "/account", undefined, goer.signal)
  const shared = ask("GET", "/models", undefined, goer.signal)
  const stays = ask("GET", "/models")
  while (open.length < 2) await new Promise((next) => setImmediate(next))
  goer.abort()
  const signals = Object.fromEntries(calls.map((call) => [call.method, call.signal?.aborted]))
  expect(signals).toEqual({ "account/read": true, "model/list": false })
  for (const one of open) one.resolve({ data: [] })
  await Promise.all([alone, shared])
  expect((await stays).body).toEqual({ data: [] })

  const last = new AbortController()
  const left = ask("GET", "/models?limit=7", undefined, last.signal)
  while (open.length < 3) await new Promise((next) => setImmediate(next))
  last.abort()
  expect(calls.at(-1)?.signal?.aborted).toBe(true)
  expect((await left).status).toBe(503)
})

test("a command that nobody waits for is ended, where the binary can", async () => {
  for (const stops of [true, false]) {
    const { ask, calls, waits } = start({ has: () => stops })
    const open = waits()
    const goer = new AbortController()
    const running = ask("POST", "/commands/exec", { command: ["sleep", "9"], cwd: "/w" }, goer.signal)
    while (open.length < 1) await new Promise((next) => setImmediate(next))
    const { processId, ...params } = (calls[0]?.params ?? {}) as { processId?: string }
    expect(params).toEqual({
      command: ["sleep", "9"],
      cwd: "/w",
      timeoutMs: null,
      sandboxPolicy: null,
    } as never)
    expect(typeof processId).toBe(stops ? "string" : "undefined")
    goer.abort()
    const ends = calls.slice(1).map((call) => [call.method, call.params])
    expect(ends).toEqual(stops ? [["command/exec/terminate", { processId }]] : [])
    for (const one of open) one.resolve({})
    await running
  }
})

test("a key with a dot in it is refused where the binary would take it for another", async () => {
  const { ask, calls } = start({ has: (what) => what !== "quotes" })
  const edit = { keyPath: ["projects", "/a.b"], mergeStrategy: "replace", value: 1 }
  expect(await ask("POST", "/config/value", edit)).toMatchObject({
    status: 400,
    body: { code: "invalid_params" },
  })
  expect(calls).toEqual([])
})

test("raw calls are off unless they are switched on", async () => {
  const { ask, calls } = start({ rpc: false })
  expect(await ask("POST", "/rpc", { method: "model/list" })).toMatchObject({
    status: 403,
    body: { code: "rpc_disabled" },
  })
  expect(calls).toEqual([])
})

test("a raw call that goes behind the daemon's back names the route to use, which is there", async () => {
  const { ask, calls } = start()
  const routes = Object.keys((JSON.parse(goldenText()) as { paths: Record<string, unknown> }).paths)
  for (const [method, route] of Object.entries(ROUTES_INSTEAD)) {
    const { status, body } = await ask("POST", "/rpc", { method })
    expect([status, body.code, body.route]).toEqual([403, "rpc_refused", route])
    expect(routes).toContain(route.split(" ")[1] ?? "")
  }
  expect(calls).toEqual([])
})
