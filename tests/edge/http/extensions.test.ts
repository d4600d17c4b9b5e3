// The routes of extensions: who may use them in each mode, what they answer, and that every attempt is in the audit.

import { afterAll, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { exportJWK, generateKeyPair, SignJWT } from "jose"
import { readConfig } from "../../../src/base/config/config.ts"
import { createBunPlatform } from "../../../src/base/platform/bun.ts"
import { createAudit } from "../../../src/domain/audit/audit.ts"
import { addRecord, newestRecords } from "../../../src/domain/audit/store.ts"
import { createApi } from "../../../src/edge/http/api.ts"
import { createGate } from "../../../src/edge/http/guards.ts"
import { createRbac } from "../../../src/edge/http/rbac.ts"
import { createSeen } from "../../../src/edge/http/seen/seen.ts"
import { mustBeDescribed } from "../../support/described.ts"
import { openDoor } from "../../support/doors.ts"
import { manifestOf, openHost } from "../../support/extensions.ts"
import { openRooms } from "../../support/rooms.ts"

const SECRET = "a shared secret of the test"
const GOOD = `export function registerAgentEvents(r) { r.on("turn.completed", () => {}) }`
const configOf = (env: Record<string, string>) =>
  readConfig(env, {}, { cwd: "/", programDir: "/opt", exists: () => false })

// One host for all: roles are the edge's business.
const rig = await openHost({ platform: createBunPlatform(), sources: { one: { events: GOOD } } })
afterAll(() => rig[Symbol.asyncDispose]())

interface Body {
  [key: string]: unknown
  modules?: unknown[]
}
interface Ask {
  method?: "GET" | "POST"
  headers?: Record<string, string>
  loopback?: boolean
}

function open(env: Record<string, string> = {}, token?: string) {
  const { rooms, reconcile, logger, db, clock, faults } = openRooms()
  const file = join(rig.shelf.path, "audit.json")
  // The rooms' clock is turned by hand, and nobody turns it here: acts are done at once.
  const act = async (fn: Parameters<typeof db.act>[0]) => {
    const outcome = db.actNow(fn)
    if (!outcome.ok) throw outcome.error
    return outcome.value
  }
  const atOnce = { ...db, act: act as typeof db.act }
  const audit = createAudit({ db: atOnce, clock, file, onFault: (error) => void faults.push(error) })
  const { host } = rig
  const extensions = {
    inventory: host.inventory,
    version: host.version,
    reload: host.reload,
    audit,
    trustMode: "warn",
  }
  const door = openDoor({ db: atOnce, clock, token })
  const entered: string[] = []
  const api = createApi({
    rooms,
    reconcile,
    logger,
    extensions,
    rbac: createRbac(configOf(env)),
    seen: createSeen({
      clock,
      logger,
      measures: { answered: () => {}, auditFailed: () => {} },
      trail: { record: async (entry) => void entered.push(`${entry.who} ${entry.via} ${entry.result}`) },
      sessionOf: () => undefined,
    }),
    gate: createGate({ find: reconcile.find, known: rooms.sessions.find, deleted: rooms.tombstones.fault }),
    door,
  } as unknown as Parameters<typeof createApi>[0])
  const ask = async ({ method = "POST", headers = {}, loopback = true }: Ask = {}) => {
    const path = method === "GET" ? "/api/agents/extensions" : "/api/agents/extensions/reload"
    const request = new Request(`http://127.0.0.1${path}`, {
      method,
      headers: { host: "127.0.0.1", ...headers },
    })
    const peer = { address: loopback ? "127.0.0.1" : "10.0.0.7", loopback }
    const response = await api.fetch(request, peer as never)
    const body = (await response?.json()) as Body
    mustBeDescribed(method, path, { status: response?.status ?? 0, body })
    return { status: response?.status, body }
  }
  const records = () => JSON.parse(readFileSync(file, "utf8")).records as Body[]
  const kept = () => Number(db.get("SELECT count(*) AS n FROM extension_audit")?.n)
  return { ask, records, kept, entered, clock, door }
}

const codeOf = async (asked: ReturnType<ReturnType<typeof open>["ask"]>) => {
  const { status, body } = await asked
  return [status, body.status, body.code]
}

test("the inventory is the contract's", async () => {
  const { status, body } = await open().ask({ method: "GET" })
  expect(status).toBe(200)
  expect(body.modules?.[0]).toMatchObject({
    moduleName: "one",
    name: "one",
    version: "1.2.3",
    agentId: "one",
    events: ["turn.completed"],
    origin: { type: "configured_root", path: join(rig.shelf.path, "one") },
    compatibility: { apiVersion: null, runtimeVersion: 1, compatible: true, reasons: [] },
    trust: { mode: "warn", status: "accepted", warnings: [], errors: [] },
    diagnostics: [],
    health: { handled: 0, quarantined: null },
  })
})

test("disabled: whoever is on this machine is admin, and nobody else", async () => {
  const { ask, records } = open()
  const { status, body } = await ask()
  expect([status, body.status, body.loadedCount, body.failedCount]).toEqual([200, "ok", 1, 0])
  expect(body.modules).toEqual([
    { name: "one", version: "1.2.3", agentId: "one", events: ["turn.completed"] },
  ])
  const refused = [403, "forbidden", "rbac_disabled_remote_forbidden"]
  expect(await codeOf(ask({ loopback: false }))).toEqual(refused)
  expect(await codeOf(ask({ headers: { "x-forwarded-for": "10.0.0.7" } }))).toEqual(refused)
  expect(records()).toMatchObject([
    {
      actorRole: "admin",
      actorId: "local-disabled-rbac",
      requestOrigin: { ip: "127.0.0.1", userAgent: null },
      result: "success",
      snapshotAfter: body.snapshotVersion,
      errorSummary: null,
      impactedExtensions: ["one"],
    },
    { actorRole: "unknown", actorId: null, result: "forbidden", snapshotAfter: null },
    { actorRole: "unknown", result: "forbidden" },
  ])
  for (const record of records()) expect(record.recordedAt).toMatch(/^\d{4}-.*Z$/)
})

test("the API token is asked for first, but in jwt mode, where the role token is admission", async () => {
  expect((await open({}, "the-api-token").ask()).status).toBe(401)
  const bearer = { authorization: "Bearer the-api-token" }
  expect((await open({}, "the-api-token").ask({ headers: bearer })).status).toBe(200)
  const jwt = { AGENT_EXTENSION_RBAC_MODE: "jwt", AGENT_EXTENSION_RBAC_JWT_SECRET: SECRET }
  const { ask } = open(jwt, "the-api-token")
  expect(await codeOf(ask({ headers: bearer }))).toEqual([401, "unauthorized", "invalid_bearer_token"])
  const headers = { authorization: `Bearer ${await signed({ role: "owner" })}` }
  expect((await ask({ headers })).status).toBe(200)
})

test("strangers fill no table, guesses are answered ever later, and a role token has a name", async () => {
  const closed = open({}, "the-api-token")
  for (const headers of [{}, { authorization: "Bearer wrong" }]) await closed.ask({ headers })
  const jwt = { AGENT_EXTENSION_RBAC_MODE: "jwt", AGENT_EXTENSION_RBAC_JWT_SECRET: SECRET }
  const { ask, kept, entered, door, clock } = open(jwt, "the-api-token")
  const wrong = { authorization: `Bearer ${await signed({ role: "owner" }, "another secret")}` }
  for (const headers of [{}, { authorization: "Basic x" }]) await ask({ headers })
  for (let i = 0; i < 10; i++) expect((await ask({ headers: wrong })).status).toBe(401)
  expect([closed.kept(), kept(), closed.entered, entered]).toEqual([0, 0, [], []])
  const late = ask({ headers: wrong })
  const named = { authorization: `Bearer ${await signed({ role: "owner", sub: "ada" })}` }
  expect((await ask({ headers: named })).status).toBe(200)
  const unnamed = { authorization: `Bearer ${await signed({ role: "member" })}` }
  expect((await ask({ headers: unnamed })).status).toBe(403)
  expect(door.slowing.sizes().waiting).toBe(1)
  clock.turn(1_000)
  expect((await late).status).toBe(401)
  expect(kept()).toBe(2)
  expect(entered).toEqual(["role:ada role ok", "role:member role rbac_forbidden"])
})

test("of very many reloads the newest are kept", () => {
  const { db, now } = openRooms()
  for (let i = 0; i < 10; i++) now((tx) => addRecord(tx, `${i}`, 3))
  expect(newestRecords(db, 100)).toEqual(["7", "8", "9"])
})

test("header: both spellings, the secret, and the codes of the contract", async () => {
  const { ask, records } = open({
    AGENT_EXTENSION_RBAC_MODE: "header",
    AGENT_EXTENSION_RBAC_HEADER_SECRET: SECRET,
  })
  const secret = { "x-codex-rbac-token": SECRET }
  const cases: [Record<string, string>, unknown[]][] = [
    [{ "x-codex-role": "admin" }, [401, "unauthorized", "missing_header_token"]],
    [
      { "x-codex-role": "admin", "x-codex-rbac-token": `${SECRET}x` },
      [401, "unauthorized", "invalid_header_token"],
    ],
    [secret, [401, "unauthorized", "missing_role"]],
    [{ ...secret, "x-codex-role": "king" }, [400, "error", "invalid_role"]],
    [{ ...secret, "x-codex-role": "member" }, [403, "forbidden", "insufficient_role"]],
    [{ ...secret, "x-codex-role": "admin" }, [200, "ok", undefined]],
    [{ ...secret, "x-codex-rbac-role": "system", "x-codex-rbac-actor": "sdk" }, [200, "ok", undefined]],
  ]
  for (const [headers, expected] of cases) expect(await codeOf(ask({ headers }))).toEqual(expected)
  const forbidden = await ask({ headers: { ...secret, "x-codex-role": "member" } })
  expect(forbidden.body).toMatchObject({ required: ["admin", "owner", "system"], role: "member" })
  expect((await ask({ method: "GET", headers: { ...secret, "x-codex-role": "member" } })).status).toBe(200)
  expect(records()).toHaveLength(cases.length + 1)
  expect(records().at(-2)).toMatchObject({ actorRole: "system", actorId: "sdk", result: "success" })
  expect(records().at(-1)).toMatchObject({ actorRole: "member", result: "forbidden" })
})

const signed = (claims: Record<string, unknown>, secret = SECRET, alg = "HS256") =>
  new SignJWT(claims).setProtectedHeader({ alg }).sign(new TextEncoder().encode(secret))

test("jwt: HS256 is pinned, issuer and audience are checked, claims are configurable", async () => {
  const { ask, records } = open({
    AGENT_EXTENSION_RBAC_MODE: "jwt",
    AGENT_EXTENSION_RBAC_JWT_SECRET: SECRET,
    AGENT_EXTENSION_RBAC_JWT_ISSUER: "us",
    AGENT_EXTENSION_RBAC_JWT_AUDIENCE: "codexd",
    AGENT_EXTENSION_RBAC_JWT_ROLE_CLAIM: "position",
    AGENT_EXTENSION_RBAC_JWT_ACTOR_CLAIM: "who",
  })
  const good = { position: "admin", who: "ada", iss: "us", aud: "codexd" }
  const none = `${btoa('{"alg":"none"}')}.${btoa(JSON.stringify(good))}.`.replaceAll("=", "")
  const invalid = [401, "unauthorized", "invalid_bearer_token"]
  const cases: [string | undefined, unknown[]][] = [
    [undefined, [401, "unauthorized", "missing_bearer_token"]],
    ["Basic abc", [401, "unauthorized", "invalid_authorization_header"]],
    ["Bearer a b", [401, "unauthorized", "invalid_authorization_header"]],
    ["Bearer nonsense", invalid],
    [`Bearer ${none}`, invalid],
    [`Bearer ${await signed(good, "another secret")}`, invalid],
    [`Bearer ${await signed(good, SECRET, "HS512")}`, invalid],
    [`Bearer ${await signed({ ...good, iss: "them" })}`, invalid],
    [`Bearer ${await signed({ ...good, aud: "else" })}`, invalid],
    [`Bearer ${await signed({ ...good, exp: 1 })}`, invalid],
    [`Bearer ${await signed({ ...good, position: "king" })}`, [403, "forbidden", "invalid_role_claim"]],
    [`Bearer ${await signed({ ...good, position: "member" })}`, [403, "forbidden", "insufficient_role"]],
    [`Bearer ${await signed(good)}`, [200, "ok", undefined]],
  ]
  for (const [authorization, expected] of cases)
    expect([authorization, await codeOf(ask(authorization ? { headers: { authorization } } : {}))]).toEqual([
      authorization,
      expected,
    ])
  expect(records().at(-1)).toMatchObject({ actorRole: "admin", actorId: "ada", result: "success" })
})

test("jwt with keys from a URL: RS256 only, and keys that can't be had are no fault of the token", async () => {
  const { publicKey, privateKey } = await generateKeyPair("RS256")
  const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: "k", alg: "RS256" }] }
  using issuer = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => Response.json(keys) })
  const mode = { AGENT_EXTENSION_RBAC_MODE: "jwt" }
  const { ask } = open({ ...mode, AGENT_EXTENSION_RBAC_JWKS_URL: `http://127.0.0.1:${issuer.port}/jwks` })
  const rs = await new SignJWT({ role: "admin" })
    .setProtectedHeader({ alg: "RS256", kid: "k" })
    .sign(privateKey)
  expect((await ask({ headers: { authorization: `Bearer ${rs}` } })).status).toBe(200)
  const hs = { authorization: `Bearer ${await signed({ role: "admin" })}` }
  expect(await codeOf(ask({ headers: hs }))).toEqual([401, "unauthorized", "invalid_bearer_token"])
  using broken = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("", { status: 500 }) })
  const other = open({ ...mode, AGENT_EXTENSION_RBAC_JWKS_URL: `http://127.0.0.1:${broken.port}/` })
  expect(await codeOf(other.ask({ headers: { authorization: `Bearer ${rs}` } }))).toEqual([
    500,
    "error",
    "rbac_misconfigured",
  ])
})

test("insecure combinations stop the start", () => {
  const broken = (env: Record<string, string>) => {
    try {
      configOf(env)
      return ""
    } catch (error) {
      return String(error)
    }
  }
  const jwt = { AGENT_EXTENSION_RBAC_MODE: "jwt" }
  expect(broken(jwt)).toMatch(/JWT_SECRET: is required/)
  const url = { AGENT_EXTENSION_RBAC_JWKS_URL: "https://issuer.example/jwks" }
  expect(broken({ ...jwt, ...url })).toBe("")
  expect(broken({ ...jwt, ...url, AGENT_EXTENSION_RBAC_JWT_SECRET: SECRET })).toMatch(/set one of them/)
  expect(broken({ ...jwt, AGENT_EXTENSION_RBAC_JWKS_URL: "http://issuer.example/jwks" })).toMatch(/https/)
  expect(broken({ AGENT_EXTENSION_RBAC_MODE: "header" })).toMatch(/HEADER_SECRET: is required/)
})

test("a failed reload keeps the old ones, says what failed, and is in the audit; two at once are 409", async () => {
  const { ask, records } = open()
  const before = rig.host.version()
  rig.shelf.write({ bad: { events: "export const x = ;", manifest: manifestOf("bad") } })
  const { status, body } = await ask()
  expect([status, body.status, body.code, body.snapshotVersion]).toEqual([
    400,
    "error",
    "reload_failed",
    before,
  ])
  expect(body.errors).toMatchObject([{ extension: "bad", code: "import_failed" }])
  expect(records().at(-1)).toMatchObject({
    result: "failed",
    snapshotBefore: before,
    snapshotAfter: null,
    errorSummary: "bad: import_failed",
    impactedExtensions: ["bad"],
  })
  rig.shelf.write({ bad: { events: GOOD } })
  const both = await Promise.all([ask(), ask()])
  expect(both.map(({ status }) => status).sort()).toEqual([200, 409])
  expect(both.find(({ status }) => status === 409)?.body).toMatchObject({
    status: "error",
    code: "reload_in_progress",
    snapshotVersion: before,
    errors: [],
  })
})
