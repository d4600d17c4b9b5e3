// Who may come in, route by route, held against the table: nobody, each scope alone, forged and revoked tokens, tricks with
// headers and paths, cookies and the pages that send them, names that a rebound DNS would bring.

import { expect, test } from "bun:test"
import { createManualClock } from "../../../src/base/kit/manual-clock.ts"
import { createLogger, createMasks } from "../../../src/base/observe/logger.ts"
import { covers, TOKEN_SCOPES, type TokenScope } from "../../../src/domain/tokens/scopes.ts"
import { createApi } from "../../../src/edge/http/api.ts"
import { SCOPE_OF } from "../../../src/edge/http/routes/scopes.ts"
import { type DoorGiven, openDoor } from "../../support/doors.ts"
import { openMemory } from "../../support/memory.ts"

const OWNER = "the-owners-token-of-the-test"

interface Ask {
  path?: string
  method?: string
  headers?: Record<string, string>
  json?: unknown
  /** The body as it is, in place of `json`. */
  raw?: string | ReadableStream<Uint8Array>
  peer?: string
}
interface Body {
  [key: string]: unknown
  code?: string
  secret?: string
  token?: { tokenId: string; name: string; lastUsedAt: string | null }
  data?: { tokenId: string; name: string; lastUsedAt: string | null }[]
}

function open(given: Partial<DoorGiven> = {}) {
  const clock = createManualClock()
  const db = openMemory(clock)
  const hidden: string[] = []
  let reported = 0
  const door = openDoor({ db, clock, token: OWNER, hide: (secret) => void hidden.push(secret), ...given })
  const logger = createLogger({ clock, level: "silent", write: () => undefined, mask: createMasks() })
  const api = createApi({
    rooms: { turns: {} },
    gate: () => async () => new Response("past the door"),
    rbac: { admits: false, whoIs: async () => ({ role: "admin", id: null }) },
    healthStatus: () => "ok",
    health: () => ({ status: "ok", service: "api", secretOfTheHouse: ++reported }),
    extensions: { inventory: () => ({}), version: () => "", audit: { record: async () => undefined } },
    door,
    // The document is built between other things.
    clock: { ...clock, soon: setImmediate },
    logger,
    version: "0.0.0",
  } as never)
  const send = async ({
    path = "/api/whoami",
    method,
    headers = {},
    json,
    raw,
    peer = "10.0.0.7",
  }: Ask = {}) => {
    const text = json === undefined ? raw : JSON.stringify(json)
    const request = new Request(`http://127.0.0.1:3001${path}`, {
      method: method ?? (text === undefined ? "GET" : "POST"),
      headers: {
        host: "127.0.0.1:3001",
        ...(text !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(text !== undefined && { body: text, duplex: "half" }),
    })
    const answer = await api.fetch(request, { address: peer, loopback: true, upgrade: () => false } as never)
    if (!answer) throw new Error("it became a websocket")
    return answer
  }
  const ask = async (asked: Ask = {}) => {
    const answer = await send(asked)
    const isJson = answer.headers.get("content-type")?.startsWith("application/json")
    const body = (isJson ? await answer.json() : {}) as Body
    return { status: answer.status, body, headers: answer.headers }
  }
  const owner = { authorization: `Bearer ${OWNER}` }
  const make = async (name: string, scopes: TokenScope[], expiresAt?: string) => {
    const json = { name, scopes, ...(expiresAt !== undefined && { expiresAt }) }
    const { body } = await ask({ path: "/api/tokens", json, headers: owner })
    return {
      authorization: `Bearer ${body.secret}`,
      secret: String(body.secret),
      id: body.token?.tokenId ?? "",
    }
  }
  return { api, ask, reports: () => reported, send, make, owner, clock, db, door, hidden }
}
type Rig = ReturnType<typeof open>

/** Signed deliveries prove themselves (decisions 36): tests/edge/http/triggers.test.ts. */
const rows = Object.entries(SCOPE_OF).filter(([, scope]) => scope !== "signed")
const routes = rows.map(([key, given]) => {
  const scope = given as "open" | TokenScope
  const [method = "", path = ""] = key.split(" ")
  return { key, method, path: path.replace(/:\w+/g, "x"), scope }
})
const stopped = ({ status, body }: { status: number; body: Body }) =>
  status === 401 || body.code === "insufficient_scope"

test("every route is closed to strangers and to every token without its scope, and to no other", async () => {
  const { ask, make } = open()
  const tokens = await Promise.all(
    TOKEN_SCOPES.map(async (scope) => ({ scope, ...(await make(scope, [scope])) })),
  )
  for (const { key, method, path, scope } of routes) {
    const json = method === "GET" || method === "DELETE" ? undefined : {}
    const stranger = await ask({ method, path, json })
    if (scope === "open") expect([key, stranger.body.code]).not.toEqual([key, "insufficient_scope"])
    else {
      expect([key, stranger.status, stranger.body.code]).toEqual([key, 401, "unauthorized"])
      expect(stranger.headers.get("www-authenticate")).toBe("Bearer")
    }
    for (const { scope: held, authorization } of tokens) {
      const { status, body } = await ask({ method, path, json, headers: { authorization } })
      if (scope === "open") continue
      const said = { key, held, stopped: stopped({ status, body }) }
      expect(said).toEqual({ key, held, stopped: !covers([held], scope) })
      if (!covers([held], scope))
        expect([status, body.code, body.required, body.scopes]).toEqual([
          403,
          "insufficient_scope",
          scope,
          [held],
        ])
    }
  }
})

test("the owner's socket reads and operates without a token; approve and admin need one there too", async () => {
  const { ask, owner } = open()
  for (const { key, method, path, scope } of routes) {
    if (scope === "open") continue
    const json = method === "GET" || method === "DELETE" ? undefined : {}
    const { status, body } = await ask({ method, path, json, peer: "unix" })
    expect([key, stopped({ status, body })]).toEqual([key, scope === "approve" || scope === "admin"])
  }
  expect((await ask({ peer: "unix" })).body).toMatchObject({ name: "socket", via: "socket" })
  expect((await ask({ peer: "unix", headers: owner })).body).toMatchObject({
    name: "owner",
    scopes: ["admin"],
  })
  expect((await ask({ peer: "unix", headers: { authorization: "Bearer wrong" } })).status).toBe(401)
})

test("a token is made, used, listed and revoked; at rest and in lists there is no secret", async () => {
  const { ask, make, owner, db, hidden, clock } = open()
  const phone = await make("phone", ["approve", "read", "approve"])
  expect(phone.secret).toMatch(/^codexd_[0-9a-f]{64}$/)
  expect(hidden).toContain(phone.secret)
  expect(JSON.stringify(db.all("SELECT * FROM api_tokens"))).not.toContain(phone.secret.slice(7))
  const list = async () => (await ask({ path: "/api/tokens", headers: owner })).body.data ?? []
  const row = async () => (await list()).find(({ name }) => name === "phone")
  expect(await row()).toMatchObject({
    kind: "token",
    scopes: ["read", "approve"],
    lastUsedAt: null,
    expiresAt: null,
  })
  clock.turn(5_000)
  expect((await ask({ headers: phone })).body).toMatchObject({
    name: "phone",
    via: "token",
    tokenId: phone.id,
  })
  expect((await row())?.lastUsedAt).toBe(new Date(clock.now()).toISOString())
  // Written a while later, not by the request.
  expect(db.get("SELECT used_at FROM api_tokens")?.used_at).toBeNull()
  clock.turn(60_000)
  expect(db.get("SELECT used_at FROM api_tokens")?.used_at).toBe(clock.now() - 60_000)
  expect(JSON.stringify(await list())).not.toContain(phone.secret.slice(7))
  expect(
    (await ask({ path: "/api/tokens", headers: owner, json: { name: "PHONE", scopes: ["read"] } })).status,
  ).toBe(409)

  const revoke = (name: string) => ask({ path: `/api/tokens/${name}`, method: "DELETE", headers: owner })
  expect((await revoke("phone")).body.token?.tokenId).toBe(phone.id)
  expect((await ask({ headers: phone })).status).toBe(401)
  expect((await revoke("phone")).body).toMatchObject({ status: "not_found", tokenId: "phone" })
  expect((await revoke("owner")).body.code).toBe("token_is_owners")
  expect(await row()).toBeUndefined()
})

test("an expired token opens nothing from that moment, and is gone a while later", async () => {
  const { ask, make, clock, db } = open()
  const brief = await make("brief", ["read"], new Date(clock.now() + 10_000).toISOString())
  clock.turn(9_999)
  expect((await ask({ headers: brief })).status).toBe(200)
  clock.turn(1)
  expect((await ask({ headers: brief })).status).toBe(401)
  clock.turn(60_000)
  expect(db.all("SELECT * FROM api_tokens")).toEqual([])
})

test("what an expiring token holds open is closed in that moment, however near or far it is", async () => {
  const { make, clock, door, ask, owner } = open()
  const closed: string[] = []
  const hold = async (name: string, ms: number) => {
    const { id } = await make(name, ["read"], new Date(clock.now() + ms).toISOString())
    return door.tokens.whileHeld(id, () => void closed.push(name))
  }
  await hold("far", 200_500)
  await hold("soon", 10_000)
  await hold("sooner", 5_000)
  const left = await hold("left", 7_000)
  left[Symbol.dispose]()
  const steps: [number, string[]][] = [
    [4_999, []],
    [1, ["sooner"]],
    [4_999, ["sooner"]],
    [1, ["sooner", "soon"]],
    [190_499, ["sooner", "soon"]],
    [1, ["sooner", "soon", "far"]],
  ]
  for (const [ms, expected] of steps) {
    clock.turn(ms)
    expect(closed).toEqual(expected)
  }
  const past = { name: "past", scopes: ["read"], expiresAt: new Date(clock.now()).toISOString() }
  const { status, body } = await ask({ path: "/api/tokens", json: past, headers: owner })
  expect([status, body.code]).toEqual([400, "invalid_request"])
})

test("tokens outlive the daemon, the owner's as well as the others", async () => {
  const { make, door, db, ask, owner, clock } = open()
  const kept = await make("kept", ["operate"])
  await ask({ headers: kept })
  door[Symbol.dispose]()
  const again = open({ db, clock })
  expect((await again.ask({ headers: kept })).body).toMatchObject({ name: "kept", scopes: ["operate"] })
  expect((await again.ask({ headers: owner })).status).toBe(200)
  // From its first use on it is masked again.
  expect(again.hidden).toContain(kept.secret)
})

test("nothing that only looks like a token is one", async () => {
  const { ask, make, clock } = open()
  const { secret } = await make("one", ["read"])
  const forged = [
    "",
    "Bearer",
    "Bearer ",
    `Bearer ${secret}x`,
    `Bearer ${secret.slice(0, -1)}`,
    `Bearer ${secret.toUpperCase()}`,
    `Bearer ${secret.slice("codexd_".length)}`,
    `Bearer ${secret}, Bearer ${secret}`,
    `Bearer ${secret} ${secret}`,
    `Basic ${secret}`,
    `Basic ${btoa(`x:${secret}`)}`,
    secret,
    "Bearer undefined",
    "Bearer null",
    "Bearer __proto__",
    `Bearer ${btoa('{"alg":"none"}')}.${btoa('{"scopes":["admin"]}')}.`,
  ]
  for (const [at, authorization] of forged.entries())
    expect([authorization, (await ask({ headers: { authorization }, peer: `10.1.0.${at}` })).status]).toEqual(
      [authorization, 401],
    )
  expect((await ask({ headers: { authorization: `bearer   ${secret}` } })).status).toBe(200)
  expect(
    (await ask({ headers: { "x-api-token": secret, authorization: "Bearer a.role.token" } })).status,
  ).toBe(200)
  expect((await ask({ headers: { "x-api-token": "", authorization: `Bearer ${secret}` } })).status).toBe(401)
  for (const name of ["token", "access_token", "api_token", "authorization"])
    expect((await ask({ path: `/api/whoami?${name}=${secret}` })).status).toBe(401)
  expect((await ask({ headers: { cookie: `codexd_nother=${secret}` } })).status).toBe(401)
  clock.turn(0)
})

test("spelling a path or a method otherwise opens nothing", async () => {
  const { ask, make } = open()
  const reader = await make("reader", ["read"])
  const paths = [
    "//api/tokens",
    "/api//tokens",
    "/api/./tokens",
    "/api/x/../tokens",
    "/api/%2e%2e/api/tokens",
    "/api%2ftokens",
    "/api/tokens/",
    "/API/tokens",
    "/api/Tokens",
    "/api/tokens%00",
    "/api/tokens;x=1",
    "/api/openapi.json/../tokens",
    "/login/../api/tokens",
    "/api\\tokens",
  ]
  const verbs = {
    "x-http-method-override": "GET",
    "x-method-override": "GET",
    "x-original-url": "/api",
    "x-rewrite-url": "/api",
  }
  for (const path of paths) {
    for (const headers of [{}, reader, { ...reader, ...verbs }]) {
      const { status, body } = await ask({ path, headers })
      expect([path, status === 401 || status === 403 || status === 404]).toEqual([path, true])
      expect(body.data).toBeUndefined()
    }
  }
  for (const method of ["POST", "PUT", "get", "Post"]) {
    const { status } = await ask({ path: "/api/tokens", method, headers: { ...reader, ...verbs } })
    expect([method, status === 403 || status === 405]).toEqual([method, true])
  }
  expect((await ask({ path: "/api/nothing", headers: reader })).status).toBe(404)
  expect((await ask({ path: "/api/nothing" })).status).toBe(401)
})

test("wrong tokens are answered later and later, each address by itself, and a right one at once", async () => {
  const { ask, send, owner, clock, door } = open()
  const wrong = { authorization: "Bearer wrong" }
  for (let i = 0; i < 10; i++) expect((await ask({ headers: wrong })).status).toBe(401)
  let answered = 0
  const held = Array.from({ length: 5 }, () => send({ headers: wrong }).then(() => void answered++))
  // A right one from the same address, and a wrong one from another, pass the waiting ones.
  expect((await ask({ headers: owner })).status).toBe(200)
  expect((await ask({ headers: wrong, peer: "10.0.0.8" })).status).toBe(401)
  expect([answered, door.slowing.sizes().waiting]).toEqual([0, 5])
  clock.turn(1_000)
  await Promise.all(held)
  expect(answered).toBe(5)
  // A missing token is no attempt.
  for (let i = 0; i < 20; i++) expect((await ask()).status).toBe(401)
  // Memory is bounded, and so are the answers that are held back.
  for (let i = 0; i < 1_200; i++) await ask({ headers: wrong, peer: `10.2.${i >> 8}.${i & 255}` })
  expect(door.slowing.sizes().peers).toBeLessThanOrEqual(1_000)
  for (let i = 0; i < 10; i++) await ask({ headers: wrong })
  const flood = Array.from({ length: 220 }, () => ask({ headers: wrong }))
  const early = await Promise.race(flood.slice(205))
  expect([early.status, early.body.code, early.headers.get("retry-after")]).toEqual([
    429,
    "too_many_attempts",
    "1",
  ])
  expect((await ask({ headers: owner })).status).toBe(200)
  clock.turn(1_000)
  await Promise.all(flood)
  // After a quiet minute the address begins anew.
  clock.turn(60_000)
  expect((await ask({ headers: wrong })).status).toBe(401)
})

const PAGE = { origin: "http://127.0.0.1:3001" }
async function logIn(rig: Rig, scopes?: TokenScope[], origin = PAGE) {
  const made = await rig.ask({
    path: "/api/login/codes",
    headers: rig.owner,
    json: { ...(scopes && { scopes }) },
  })
  const { code } = made.body
  const { status, headers } = await rig.ask({ path: "/api/login", json: { code }, headers: origin })
  const set = headers.get("set-cookie") ?? ""
  return { code, status, set, cookie: set.split(";")[0] ?? "" }
}

test("a login code becomes a cookie once, within a minute", async () => {
  const rig = open()
  const { code, status, set, cookie } = await logIn(rig)
  expect(status).toBe(200)
  expect(set).toMatch(/^codexd_\w+=codexd_[0-9a-f]{64}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Strict$/)
  expect((await rig.ask({ headers: { cookie } })).body).toMatchObject({ via: "cookie", scopes: ["admin"] })
  expect((await rig.ask({ path: "/api/login", json: { code }, headers: PAGE })).status).toBe(401)
  const late = await rig.ask({ path: "/api/login/codes", headers: rig.owner, json: {} })
  rig.clock.turn(60_000)
  expect((await rig.ask({ path: "/api/login", json: { code: late.body.code }, headers: PAGE })).status).toBe(
    401,
  )
  // Seven days later the browser is a stranger again.
  rig.clock.turn(7 * 24 * 3_600_000)
  expect((await rig.ask({ headers: { cookie } })).status).toBe(401)
})

test("a login is a token in the list, holds what it was given, and ends with the logout", async () => {
  const rig = open()
  const { cookie } = await logIn(rig, ["approve"])
  const list = await rig.ask({ path: "/api/tokens", headers: rig.owner })
  expect(list.body.data?.at(-1)).toMatchObject({ kind: "browser", scopes: ["approve"] })
  expect((await rig.ask({ path: "/api/tokens", headers: { cookie } })).status).toBe(403)
  const out = await rig.ask({ path: "/api/logout", json: {}, headers: { cookie, ...PAGE } })
  expect(out.headers.get("set-cookie")).toContain("Max-Age=0")
  expect((await rig.ask({ headers: { cookie } })).status).toBe(401)
  // A token that was sent aloud stays.
  expect((await rig.ask({ path: "/api/logout", json: {}, headers: rig.owner })).status).toBe(200)
  expect((await rig.ask({ headers: rig.owner })).status).toBe(200)
})

test("the reference is for who may read: a browser by its cookie, a program by its token, a stranger never", async () => {
  const rig = open()
  const { cookie } = await logIn(rig, ["read"])
  for (const path of ["/api/docs", "/api/openapi.json"]) {
    const seen = await rig.ask({ path, headers: { cookie, "sec-fetch-site": "same-origin" } })
    const etag = seen.headers.get("etag") ?? ""
    expect([path, seen.status, etag]).toEqual([path, 200, expect.stringMatching(/./)])
    expect((await rig.ask({ path, headers: { cookie, "if-none-match": etag } })).status).toBe(304)
    const stranger = await rig.ask({ path, headers: { "if-none-match": etag } })
    expect([stranger.status, stranger.headers.get("etag"), stranger.body.code]).toEqual([
      401,
      null,
      "unauthorized",
    ])
  }
})

test("behind https the cookie is Secure", async () => {
  const rig = open({ hosts: ["code.example"], origins: ["https://code.example"] })
  const { set } = await logIn(rig, undefined, { origin: "https://code.example" })
  expect(set).toEndWith("; Secure")
})

test("a cookie counts only for our own pages: forms, other sites and other ports get nowhere", async () => {
  const rig = open()
  const { cookie } = await logIn(rig)
  const post = (headers: Record<string, string>, path = "/api/tokens") =>
    rig.ask({ path, json: { name: `n${Math.random()}`, scopes: ["read"] }, headers: { cookie, ...headers } })
  expect((await post(PAGE)).status).toBe(200)
  // A form or a script of another page sends its own Origin, "null" or none.
  for (const headers of [
    {},
    { origin: "null" },
    { origin: "https://evil.example" },
    { origin: "http://127.0.0.1:8080" },
  ])
    expect((await post(headers)).body.code).toBe("forbidden_origin")
  const text = { cookie, ...PAGE, "content-type": "text/plain" }
  expect(
    (await rig.ask({ path: "/api/tokens", json: { name: "x", scopes: ["read"] }, headers: text })).status,
  ).toBe(415)
  const read = (headers: Record<string, string>) => rig.ask({ headers: { cookie, ...headers } })
  expect((await read({ "sec-fetch-site": "same-origin" })).status).toBe(200)
  for (const site of ["cross-site", "same-site"])
    expect((await read({ "sec-fetch-site": site })).status).toBe(403)
  // A websocket says its Origin always.
  const upgrade = { upgrade: "websocket", connection: "Upgrade" }
  expect((await rig.ask({ path: "/api/stream", headers: { cookie, ...upgrade } })).body.code).toBe(
    "forbidden_origin",
  )
})

test("the login page gives its code to nobody", async () => {
  const { send } = open()
  const page = await send({ path: "/login" })
  const policy = page.headers.get("content-security-policy") ?? ""
  const text = await page.text()
  expect(policy).toContain("default-src 'none'")
  const script = /<script>([\s\S]*)<\/script>/.exec(text)?.[1] ?? ""
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(script))
  expect(policy).toContain(`'sha256-${Buffer.from(digest).toString("base64")}'`)
  expect(text).not.toMatch(/https?:\/\//)
  expect(page.headers.get("referrer-policy")).toBe("no-referrer")
})

test("names that we don't have and pages that aren't ours stay out of every route, whatever they carry", async () => {
  for (const token of [OWNER, undefined]) {
    const { ask, owner } = open({ token })
    for (const { key, method, path } of routes) {
      const json = method === "GET" || method === "DELETE" ? undefined : {}
      const tries: [Record<string, string>, string][] = [
        [{ host: "evil.example" }, "forbidden_host"],
        [{ host: "127.0.0.1.evil.example" }, "forbidden_host"],
        [{ host: "127.0.0.1, evil.example" }, "forbidden_host"],
        [{ host: "" }, "forbidden_host"],
        [{ origin: "https://evil.example" }, "forbidden_origin"],
        [{ origin: "null" }, "forbidden_origin"],
        [{ origin: "http://localhost:3001" }, "forbidden_origin"],
        [{ origin: "http://127.0.0.1:5173" }, "forbidden_origin"],
      ]
      for (const [headers, code] of tries) {
        const { status, body } = await ask({ method, path, json, headers: { ...owner, ...headers } })
        expect([key, headers, status, body.code]).toEqual([key, headers, 403, code])
      }
    }
  }
})

test("a development server passes with its own Host, or as an allowed origin", async () => {
  const closed = open()
  // The proxy keeps the page's Host: the page is its own origin.
  const kept = { ...closed.owner, host: "127.0.0.1:5173", origin: "http://127.0.0.1:5173" }
  expect((await closed.ask({ headers: kept })).status).toBe(200)
  // The proxy changes the Host.
  const changed = { ...closed.owner, host: "127.0.0.1:3001", origin: "http://127.0.0.1:5173" }
  expect((await closed.ask({ headers: changed })).status).toBe(403)
  const opened = open({ origins: ["http://127.0.0.1:5173"] })
  expect((await opened.ask({ headers: changed })).status).toBe(200)
})

test("CORS is closed; for allowed origins it answers what browsers ask for", async () => {
  const preflight = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type",
  }
  const closed = open()
  const own = await closed.ask({ headers: { ...closed.owner, ...PAGE } })
  for (const name of own.headers.keys()) expect(name).not.toStartWith("access-control")
  expect(
    (await closed.ask({ method: "OPTIONS", headers: { origin: "http://a.example", ...preflight } })).status,
  ).toBe(403)

  const { ask, owner } = open({ origins: ["http://a.example"] })
  const origin = { origin: "http://a.example" }
  const asked = await ask({ path: "/api/sessions", method: "OPTIONS", headers: { ...origin, ...preflight } })
  expect(asked.status).toBe(204)
  expect(asked.headers.get("access-control-allow-origin")).toBe("http://a.example")
  expect(asked.headers.get("access-control-allow-credentials")).toBe("true")
  expect(asked.headers.get("access-control-allow-methods")).toContain("DELETE")
  expect(asked.headers.get("access-control-allow-headers")).toContain("authorization")
  expect(asked.headers.get("vary")).toBe("Origin")
  // Refusals can be read too, and no cache gives one page's answer to another.
  for (const headers of [{}, owner]) {
    const said = await ask({ headers: { ...origin, ...headers } })
    expect(said.headers.get("access-control-allow-origin")).toBe("http://a.example")
  }
  const plain = await ask({ headers: owner })
  expect([plain.headers.get("vary"), plain.headers.get("access-control-allow-origin")]).toEqual([
    "Origin",
    null,
  ])
  expect((await ask({ headers: { ...owner, origin: "http://b.example" } })).status).toBe(403)
})

test("strangers learn from health that it is well, and nothing else", async () => {
  const { ask, owner, reports } = open()
  expect((await ask({ path: "/api/health" })).body).toEqual({ status: "ok", service: "api" })
  expect(reports()).toBe(0)
  const wrong = { authorization: "Bearer wrong" }
  expect((await ask({ path: "/api/health", headers: wrong })).body).toEqual({ status: "ok", service: "api" })
  expect((await ask({ path: "/api/health", headers: owner })).body).toHaveProperty("secretOfTheHouse")
})

test("HEAD says how long the answer to a GET would be", async () => {
  const { send } = open()
  for (const path of ["/api", "/api/health", "/api/nothing"]) {
    const [head, got] = [await send({ path, method: "HEAD" }), await send({ path })]
    const text = await got.text()
    expect([head.status, await head.text()]).toEqual([got.status, ""])
    if (head.status === 200) expect(head.headers.get("content-length")).toBe(String(text.length))
  }
})

test("keys that mean something to JavaScript are keys like others", async () => {
  const { send, owner } = open()
  const texts = [
    '{"name":"a","scopes":["read"],"__proto__":{"polluted":1}}',
    '{"name":"b","scopes":["read"],"constructor":{"prototype":{"polluted":1}}}',
    '{"__proto__":{"name":"c","scopes":["admin"]}}',
  ]
  const statuses: number[] = []
  for (const raw of texts) statuses.push((await send({ path: "/api/tokens", raw, headers: owner })).status)
  expect(({} as { polluted?: number }).polluted).toBeUndefined()
  expect(statuses.at(-1)).toBe(400)
})

test("a body that is nested too deep is refused, and brackets in a text are no nesting", async () => {
  const { send, owner } = open()
  const lists = (levels: number, leaf: string) => `${"[".repeat(levels)}${leaf}${"]".repeat(levels)}`
  const objects = (levels: number, leaf: string) => `${'{"a":'.repeat(levels)}${leaf}${"}".repeat(levels)}`
  const made = (odd: string, name: string) => `{"name":"${name}","scopes":["read"],"odd":${odd}}`
  for (const [at, levels] of [65, 1_000, 100_000].entries()) {
    // Half a surrogate pair makes us look at every text of it.
    for (const nest of [lists, objects]) {
      for (const leaf of ["1", '"\\ud800"']) {
        const raw = made(nest(levels, leaf), `n${at}`)
        const answer = await send({ path: "/api/tokens", raw, headers: owner })
        expect([levels, leaf, answer.status]).toEqual([levels, leaf, 400])
        expect(await answer.json()).toMatchObject({ code: "invalid_request" })
      }
    }
  }
  const fine = [lists(63, "1"), `"${"[{".repeat(100)}\\"[["`, `[${'["\\\\"],'.repeat(200)}1]`]
  for (const [at, odd] of fine.entries())
    expect((await send({ path: "/api/tokens", raw: made(odd, `fine${at}`), headers: owner })).status).toBe(
      200,
    )
})

test.each(["/api/tokens", "/api/hooks/nobody"])(
  "a body that drips without end to %s is refused after a minute",
  async (path) => {
    const { ask, owner, clock } = open()
    let drip: ReadableStreamDefaultController<Uint8Array> | undefined
    const raw = new ReadableStream<Uint8Array>({
      start(controller) {
        drip = controller
      },
    })
    const answer = ask({ path, raw, headers: owner })
    for (let i = 0; i < 59; i++) {
      drip?.enqueue(new TextEncoder().encode(" "))
      await new Promise((resolve) => setImmediate(resolve))
      clock.turn(1_000)
    }
    clock.turn(1_000)
    const { status, headers } = await answer
    expect([status, headers.get("connection")]).toEqual([408, "close"])
  },
)
