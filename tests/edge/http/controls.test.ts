// Controls, settings and the approval policy over HTTP, with the contract's order of refusals; bodies against the data of
// the existing clients.

import { expect, test } from "bun:test"
import { sessionDeleted } from "../../../src/domain/events.ts"
import { createApi } from "../../../src/edge/http/api.ts"
import { createGate } from "../../../src/edge/http/guards.ts"
import { createControlActs } from "../../../src/flow/acts/controls.ts"
import { mustBeDescribed } from "../../support/described.ts"
import { createToldChild, openRooms } from "../../support/rooms.ts"
import { misfits } from "../../support/shapes.ts"

interface Reply {
  status: number
  body: Record<string, unknown>
}

const CONFIGURED = {
  model: null,
  approvalPolicy: "untrusted",
  networkAccess: "restricted",
  filesystemSandbox: "read-only",
  settings: {},
}
const ASKED = { ...CONFIGURED, approvalPolicy: "on-failure", filesystemSandbox: "workspace-write" }

function open({ locked = false } = {}) {
  const house = openRooms(createToldChild(), { locked })
  const { rooms, logger } = house
  house.now((tx) => {
    for (const id of ["one", "system", "gone"]) rooms.sessions.learn(tx, { id }, { materialized: true })
    rooms.sessions.change(tx, "system", { systemOwned: true })
  })
  house.now((tx) => {
    rooms.sessions.forget(tx, "gone")
    rooms.tombstones.put(tx, { sessionId: "gone", title: "Gone", innerId: undefined, deletedAt: 1 })
    house.log.append(tx, sessionDeleted({ thread: "gone" }, {}))
  })
  const gate = createGate({
    find: async (id) => rooms.sessions.find(id),
    known: (id) => rooms.sessions.find(id),
    deleted: rooms.tombstones.fault,
  })
  const door = { token: undefined, host: "127.0.0.1", allowedHosts: [], allowedOrigins: [] }
  const needs = { rooms, gate, door, logger, controlActs: createControlActs(house) }
  const api = createApi(needs as unknown as Parameters<typeof createApi>[0])
  async function ask(method: string, path: string, json?: unknown): Promise<Reply> {
    const request = new Request(`http://127.0.0.1/api/sessions/${path}`, {
      method,
      headers: { host: "127.0.0.1", ...(json !== undefined && { "content-type": "application/json" }) },
      ...(json !== undefined && { body: JSON.stringify(json) }),
    })
    let open = true
    const answer = api.fetch(request, { address: "127.0.0.1" } as never).finally(() => {
      open = false
    })
    while (open) {
      house.clock.turn(0)
      await new Promise((next) => setImmediate(next))
    }
    const response = await answer
    expect(response?.headers.get("content-type")).toBe("application/json; charset=utf-8")
    const reply = { status: response?.status ?? 0, body: await response?.json() }
    mustBeDescribed(method, `/api/sessions/${path}`, reply)
    return reply
  }
  return { ...house, ask }
}

const READS = ["one/session-controls", "one/settings", "one/settings?key=a&scope=default"]
const WRITES: [method: string, path: string, json: unknown][] = [
  ["POST", "one/session-controls", { scope: "session", controls: ASKED }],
  ["POST", "one/settings", { scope: "session", key: "a", value: 1 }],
  ["DELETE", "one/settings/a", undefined],
  ["POST", "one/approval-policy", { approvalPolicy: "never" }],
]
const ALL = [...READS.map((path): (typeof WRITES)[number] => ["GET", path, undefined]), ...WRITES]

test("controls are read and written as the contract says, and unchanged when they are", async () => {
  const { ask } = open()
  const before = await ask("GET", "one/session-controls")
  const both = { controls: CONFIGURED, defaults: CONFIGURED }
  const editable = { defaultsEditable: true, defaultLockReason: null }
  expect(before).toEqual({ status: 200, body: { status: "ok", sessionId: "one", ...both, ...editable } })
  const write = { scope: "session", controls: ASKED, actor: "ada", source: "cli" }
  const { status, body } = await ask("POST", "one/session-controls", write)
  expect({ status, ...body }).toMatchObject({
    status: "ok",
    scope: "session",
    applied: ASKED,
    controls: ASKED,
  })
  expect(body).toMatchObject({ sessionId: "one", defaults: CONFIGURED, ...editable })
  expect(typeof body.summary).toBe("string")
  expect(misfits("SessionControlsTuple", body.applied)).toEqual([])
  const again = await ask("POST", "one/session-controls", write)
  expect(again.body).toMatchObject({ status: "unchanged", applied: ASKED })
  const standard = await ask("POST", "one/session-controls", { ...write, scope: "default" })
  expect(standard.body).toMatchObject({ status: "ok", scope: "default", applied: ASKED, defaults: ASKED })
})

test("controls without settings keep them, an empty object clears them", async () => {
  const { ask } = open()
  const settings = { a: 1, deep: { b: [2] } }
  await ask("POST", "one/session-controls", { scope: "session", controls: { ...ASKED, settings } })
  const { settings: _, ...policies } = ASKED
  const kept = await ask("POST", "one/session-controls", { scope: "session", controls: policies })
  expect(kept.body).toMatchObject({ status: "unchanged", applied: { settings } })
  const cleared = await ask("POST", "one/session-controls", {
    scope: "session",
    controls: { ...policies, settings: {} },
  })
  expect(cleared.body).toMatchObject({ status: "ok", applied: { settings: {} } })
})

test("settings: one or all, merged or replaced, and each answer has the shape that clients declare", async () => {
  const { ask } = open()
  const about = { sessionId: "one", scope: "session" }
  const set = await ask("POST", "one/settings", { scope: "session", key: "a", value: { b: 1 } })
  expect(set.body).toEqual({ status: "ok", ...about, key: "a", settings: { a: { b: 1 } } })
  expect(misfits("SessionSettingsSetResponse", set.body)).toEqual([])
  const merged = await ask("POST", "one/settings", { scope: "session", settings: { c: null } })
  expect(merged.body).toEqual({ status: "ok", ...about, settings: { a: { b: 1 }, c: null } })
  const all = await ask("GET", "one/settings")
  expect(all.body).toEqual({ status: "ok", ...about, settings: { a: { b: 1 }, c: null } })
  expect(misfits("SessionSettingsListResponse", all.body)).toEqual([])
  const isNull = await ask("GET", "one/settings?key=c")
  expect(isNull.body).toEqual({ status: "ok", ...about, key: "c", found: true, value: null })
  const missing = await ask("GET", "one/settings?key=toString")
  expect(missing).toEqual({
    status: 200,
    body: { status: "ok", ...about, key: "toString", found: false, value: null },
  })
  expect(misfits("SessionSettingsKeyResponse", missing.body)).toEqual([])
  const removed = await ask("DELETE", "one/settings/c?actor=ada&source=cli")
  expect(removed.body).toEqual({ status: "ok", ...about, key: "c", removed: true, settings: { a: { b: 1 } } })
  expect(misfits("SessionSettingsDeleteResponse", removed.body)).toEqual([])
  const absent = await ask("DELETE", "one/settings/c")
  expect(absent).toMatchObject({ status: 200, body: { status: "unchanged", removed: false } })
  const same = await ask("POST", "one/settings", {
    scope: "session",
    settings: { a: { b: 1 } },
    mode: "replace",
  })
  expect(same.body).toMatchObject({ status: "unchanged" })
  const other = await ask("GET", "one/settings?scope=default")
  expect(other.body).toEqual({ status: "ok", sessionId: "one", scope: "default", settings: {} })
})

test("a null is a value, and a key may be long, odd or inherited", async () => {
  const { ask } = open()
  const key = "ü/ %".repeat(60)
  const set = await ask("POST", "one/settings", { scope: "session", key, value: null })
  expect(set.body).toMatchObject({ status: "ok", settings: { [key]: null } })
  const path = `one/settings/${encodeURIComponent(key)}`
  expect((await ask("DELETE", path)).body).toMatchObject({ key, removed: true, settings: {} })
  const raw = JSON.parse('{"scope":"session","settings":{"__proto__":{"x":1}}}') as unknown
  expect(JSON.stringify((await ask("POST", "one/settings", raw)).body)).toContain('{"__proto__":{"x":1}}')
  expect((await ask("GET", "one/settings?key=__proto__")).body).toMatchObject({
    found: true,
    value: { x: 1 },
  })
})

test("a settings body that is neither form, both or half of one is 400 without issues", async () => {
  const { ask } = open()
  const bodies = [
    {},
    { key: "a" },
    { value: 1 },
    { key: "a", value: 1, settings: {} },
    { key: "a", settings: {} },
  ]
  for (const body of bodies) {
    const answer = await ask("POST", "one/settings", { scope: "session", ...body })
    const message = expect.any(String)
    expect(answer).toEqual({ status: 400, body: { status: "error", code: "invalid_request", message } })
  }
})

const BAD: [method: string, path: string, json?: unknown][] = [
  ["POST", "one/session-controls", {}],
  ["POST", "one/session-controls", { scope: "both", controls: ASKED }],
  ["POST", "one/session-controls", { scope: "session", controls: { ...ASKED, model: undefined } }],
  ["POST", "one/session-controls", { scope: "session", controls: { ...ASKED, approvalPolicy: "always" } }],
  ["POST", "one/session-controls", { scope: "session", controls: { ...ASKED, settings: [] } }],
  ["POST", "one/session-controls", { scope: "session", controls: ASKED, actor: "x".repeat(121) }],
  ["POST", "one/session-controls", { scope: "session", controls: ASKED, source: "x".repeat(65) }],
  ["POST", "one/settings", { key: "a", value: 1 }],
  ["POST", "one/settings", { scope: "session", key: " ", value: 1 }],
  ["POST", "one/settings", { scope: "session", key: "x".repeat(241), value: 1 }],
  ["POST", "one/settings", { scope: "session", settings: {}, mode: "deep" }],
  [
    "POST",
    "one/settings",
    { scope: "session", key: "a", value: JSON.parse("[".repeat(500) + "]".repeat(500)) },
  ],
  ["GET", "one/settings?scope=all"],
  ["GET", "one/settings?key="],
  ["DELETE", "one/settings/%20"],
  ["DELETE", `one/settings/${"x".repeat(241)}`],
  ["DELETE", "one/settings/a?scope=x"],
  ["POST", "one/approval-policy", { approvalPolicy: { granular: { rules: true } } }],
  ["POST", "one/approval-policy", { approvalPolicy: null }],
]

test("what doesn't fit its schema is 400 with its issues", async () => {
  const { ask } = open()
  for (const [method, path, json] of BAD) {
    const { status, body } = await ask(method, path, json)
    expect([path, json, status, body.code]).toEqual([path, json, 400, "invalid_request"])
    expect(misfits("ApiValidationError", body)).toEqual([])
    expect(body.issues).not.toEqual([])
  }
})

test("every route: 404 for an unknown, 410 for a deleted, 403 for a system-owned session, before its body is looked at", async () => {
  const { ask } = open()
  for (const [method, path] of ALL) {
    const of = (id: string) => path.replace("one", id)
    const body = method === "POST" ? {} : undefined
    const unknown = await ask(method, of("unknown"), body)
    expect(unknown).toEqual({ status: 404, body: { status: "not_found", sessionId: "unknown" } })
    expect(misfits("SessionNotFoundPayload", unknown.body)).toEqual([])
    const gone = await ask(method, of("gone"), body)
    expect(gone).toMatchObject({ status: 410, body: { status: "deleted", sessionId: "gone" } })
    expect(misfits("DeletedSessionPayload", gone.body)).toEqual([])
    const system = await ask(method, of("system"), body)
    expect(system).toMatchObject({ status: 403, body: { code: "system_session", sessionId: "system" } })
    expect(misfits("SystemSessionError", system.body)).toEqual([])
  }
})

test("locked defaults are served as configured and refused with 423; sessions stay writable", async () => {
  const { ask } = open({ locked: true })
  const seen = (await ask("GET", "one/session-controls")).body
  expect(seen).toMatchObject({ defaultsEditable: false, defaults: CONFIGURED })
  expect(typeof seen.defaultLockReason).toBe("string")
  const message = expect.any(String)
  const whole = await ask("POST", "one/session-controls", { scope: "default", controls: ASKED })
  const { status: _, ...snapshot } = seen
  expect(whole).toEqual({ status: 423, body: { status: "locked", scope: "default", message, ...snapshot } })
  const settings = { status: "locked", scope: "default", message, sessionId: "one", settings: {} }
  const one = await ask("POST", "one/settings", { scope: "default", key: "a", value: 1 })
  expect(one).toEqual({ status: 423, body: settings })
  expect(misfits("SessionSettingsLockedResponse", one.body)).toEqual([])
  expect(await ask("DELETE", "one/settings/a?scope=default")).toEqual({ status: 423, body: settings })
  expect((await ask("POST", "one/settings", { scope: "default", key: "a" })).status).toBe(400)
  for (const [method, path, json] of WRITES) expect((await ask(method, path, json)).status).toBe(200)
})

test("the approval policy is the session's alone, leaves no row and is told", async () => {
  const house = open()
  house.told.length = 0
  const { status, body } = await house.ask("POST", "one/approval-policy", { approvalPolicy: "on-failure" })
  expect({ status, body }).toEqual({
    status: 200,
    body: { status: "ok", sessionId: "one", approvalPolicy: "on-failure" },
  })
  expect(misfits("SessionApprovalPolicyResponse", body)).toEqual([])
  const seen = (await house.ask("GET", "one/session-controls")).body
  expect(seen).toMatchObject({
    controls: { ...CONFIGURED, approvalPolicy: "on-failure" },
    defaults: CONFIGURED,
  })
  expect(house.told.map(({ type }) => type)).toEqual(["session.controls_updated"])
  expect(await house.settle(house.rooms.transcript.read("one"))).toEqual([])
})

test("a policy that the binary doesn't know is kept as asked, and the answer says what is sent", async () => {
  const { ask, child } = open()
  const note = "retired"
  child.policySent = (asked) =>
    asked === "on-failure" ? { asked, sent: "on-request", note } : { asked, sent: asked }
  const said = { policySent: "on-request", note }
  const set = await ask("POST", "one/approval-policy", { approvalPolicy: "on-failure" })
  expect(set.body).toEqual({ status: "ok", sessionId: "one", approvalPolicy: "on-failure", ...said })
  expect((await ask("GET", "one/session-controls")).body).toMatchObject({ controls: ASKED_POLICY, ...said })
  const whole = await ask("POST", "one/session-controls", { scope: "default", controls: ASKED })
  expect(whole.body).toMatchObject({ applied: ASKED, ...said })
  const known = await ask("POST", "one/approval-policy", { approvalPolicy: "never" })
  expect(known.body).toEqual({ status: "ok", sessionId: "one", approvalPolicy: "never" })
})

const ASKED_POLICY = { approvalPolicy: "on-failure" }

test("a structured policy is taken, kept and read back as it was given", async () => {
  const { ask } = open()
  const kinds = { sandbox_approval: true, rules: false, mcp_elicitations: true }
  for (const approvalPolicy of [{ granular: { ...kinds, skill_approval: true } }, { reject: kinds }]) {
    expect((await ask("POST", "one/approval-policy", { approvalPolicy })).body).toMatchObject({
      approvalPolicy,
    })
    const { body } = await ask("GET", "one/session-controls")
    expect(body.controls).toEqual({ ...CONFIGURED, approvalPolicy })
  }
})
