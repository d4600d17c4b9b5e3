// What is left of a request when it was answered: its line in the access log, its count, and for changes its entry in the
// audit, with nothing in any of them that was in the request but ids.

import { afterEach, expect, test } from "bun:test"
import { Fault } from "../../../src/base/fault.ts"
import { createKeys } from "../../../src/domain/keys/keys.ts"
import { createTrail } from "../../../src/domain/trail/trail.ts"
import { createApi } from "../../../src/edge/http/api.ts"
import { createGate } from "../../../src/edge/http/guards.ts"
import { createSeen } from "../../../src/edge/http/seen/seen.ts"
import { createExposition } from "../../../src/flow/kept/exposition.ts"
import { createMeasures } from "../../../src/flow/kept/measures.ts"
import { held } from "../../support/described.ts"
import { API, asked, openRooms } from "../../support/rooms.ts"

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})
const DAY_MS = 86_400_000

interface AuditPage {
  data: Record<string, unknown>[]
  nextCursor: string | null
}

function start() {
  const house = openRooms()
  closing.push(() => house.driver.close())
  const { db, clock, logger, rooms } = house
  const measures = createMeasures()
  measures.listen(house.log)
  const faults: unknown[] = []
  const trail = createTrail({
    db,
    clock,
    keep: { maxAgeMs: 10 * DAY_MS, maxEntries: 20 },
    onFault: (error) => void faults.push(error),
  })
  closing.push(() => trail[Symbol.dispose]())
  const sessionOf = (id: string) => rooms.requests.find(id)?.sessionId
  const api = createApi({
    ...house,
    keys: createKeys({ db, clock }),
    trail,
    metrics: createExposition(measures.meters),
    seen: createSeen({ clock, logger, measures, trail, sessionOf }),
    gate: createGate({ find: house.reconcile.find, known: rooms.sessions.find, deleted: () => undefined }),
    door: { token: undefined, host: "127.0.0.1", allowedHosts: [], allowedOrigins: [] },
    version: "test",
    hooks: {
      deliver: async () => {
        throw new Fault("signature_refused", "no")
      },
    },
    health: () => ({ status: "ok" }),
  } as never)
  const peer = {
    address: "10.0.0.7",
    loopback: false,
    upgrade: () => false,
    holdOpen: () => {},
    letGo: () => {},
  }
  async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const request = new Request(`http://127.0.0.1${path}`, {
      method,
      headers: {
        host: "127.0.0.1",
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const response = await house.settle(held(api).fetch(request, peer))
    const text = (await response?.text()) ?? ""
    return { status: response?.status, text, id: response?.headers.get("x-request-id") }
  }
  const audit = async (query = ""): Promise<AuditPage> =>
    JSON.parse((await call("GET", `/api/audit${query}`)).text)
  const logged = () =>
    house.lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ message }) => message === "answered")
  return { ...house, call, audit, logged, trail, faults }
}

test("a change is in the log and in the audit by its route, with ids and without what was said", async () => {
  const { call, audit, logged } = start()
  const made = await call("POST", "/api/sessions", { cwd: "/work/very-secret-place" })
  const { sessionId } = (JSON.parse(made.text) as { session: { sessionId: string } }).session
  const named = await call("POST", `/api/sessions/${sessionId}/rename`, { title: "hush-hush" })
  expect([made.status, named.status]).toEqual([200, 200])
  const lines = logged()
  expect(lines[1]).toMatchObject({
    method: "POST",
    route: "/api/sessions/:sessionId/rename",
    status: 200,
    from: "10.0.0.7",
    requestId: named.id,
    bytes: new TextEncoder().encode(named.text).byteLength,
  })
  const { data } = await audit()
  expect(data).toMatchObject([
    {
      method: "POST",
      route: "/api/sessions/:sessionId/rename",
      sessionId,
      params: { sessionId },
      status: 200,
      result: "ok",
      origin: "10.0.0.7",
      requestId: named.id,
    },
    { method: "POST", route: "/api/sessions", sessionId, params: {}, result: "ok", requestId: made.id },
  ])
  expect(JSON.stringify([data, lines])).not.toMatch(/hush|very-secret/)
})

test("what was refused is in the audit with its code; reading, strangers and paths that aren't there are not", async () => {
  const { call, audit, logged } = start()
  await call("POST", "/api/sessions/nobody/rename", { title: "x" })
  await call("POST", "/api/sessions", { cwd: 7 })
  await call("GET", "/api/sessions")
  await call("POST", "/api/no/such/place", {})
  await call("DELETE", "/api/health")
  await call("POST", "/api/sessions", {}, { origin: "http://evil.example" })
  expect((await call("POST", "/api/hooks/deploy", {})).status).toBe(401)
  const { data } = await audit()
  expect(data.map(({ route, status, result }) => [route, status, result])).toEqual([
    ["/api/sessions", 400, "invalid_request"],
    ["/api/sessions/:sessionId/rename", 404, "session_not_found"],
  ])
  const routes = logged().map(({ route, status, fault }) => [route, status, fault])
  expect(routes).toContainEqual(["unmatched", 404, undefined])
  expect(routes).toContainEqual(["unmatched", 405, undefined])
  expect(routes).toContainEqual(["/api/sessions", 403, "forbidden_origin"])
})

test("ids of any length and any letters leave an audit that can be read, also those that earlier versions cut off", async () => {
  const { call, audit, now } = start()
  for (const id of ["x".repeat(3_000), "%22".repeat(2_500), "%F0%9F%92%A5".repeat(900), "%00%0A".repeat(500)])
    expect((await call("POST", `/api/sessions/${id}/archive`)).status).toBe(400)
  const { data } = await audit()
  expect(data).toHaveLength(4)
  expect(data.at(-1)).toMatchObject({ params: { sessionId: "x".repeat(240) }, sessionId: "x".repeat(240) })
  for (const entry of data) expect(JSON.stringify(entry).length).toBeLessThan(4_000)
  now((tx) => tx.run("UPDATE audit_trail SET params = substr(params, 1, 100)"))
  expect((await audit()).data[0]).toMatchObject({ params: { cut: expect.stringMatching(/^\{"sessionId"/) } })
})

test("a decision is in the audit under its session, though the path names only the request", async () => {
  const { call, audit, rooms, ingest, now, settle } = start()
  const { session } = await settle(rooms.sessions.create({}))
  const params = { threadId: session.sessionId, turnId: "t", itemId: "i", command: "ls", cwd: "/" }
  ingest.take([asked(1, "item/commandExecution/requestApproval", params)], "run")
  now(() => undefined)
  const [approval] = rooms.requests.list(session.sessionId, "approval") as { approvalId: string }[]
  const path = `/api/approvals/${approval?.approvalId}/decision`
  expect((await call("POST", path, { decision: "decline", ...API })).status).toBe(200)
  const { data } = await audit(`?session=${session.sessionId}`)
  expect(data).toMatchObject([
    { route: "/api/approvals/:approvalId/decision", sessionId: session.sessionId, result: "ok" },
  ])
})

test("the audit is read by who, route, session and time, a page at a time, newest first", async () => {
  const { call, audit, clock } = start()
  for (let i = 0; i < 5; i++) {
    await call("POST", `/api/sessions/s${i}/archive`)
    clock.turn(1_000)
  }
  const all = (await audit()).data
  expect(all).toHaveLength(5)
  const [first, second, third] = all
  const page = await audit("?limit=2")
  expect(page.data).toEqual([first, second] as never)
  expect((await audit(`?limit=2&cursor=${page.nextCursor}`)).data[0]).toEqual(third as never)
  expect((await audit("?session=s3")).data).toHaveLength(1)
  expect((await audit("?who=anybody")).data).toHaveLength(5)
  expect((await audit("?who=somebody")).data).toHaveLength(0)
  expect((await audit("?route=/api/sessions/:sessionId/archive")).data).toHaveLength(5)
  const between = `?from=${encodeURIComponent(String(third?.at))}&to=${encodeURIComponent(String(first?.at))}`
  expect((await audit(between)).data).toEqual([second, third] as never)
  for (const query of ["?from=yesterday", "?cursor=x", "?limit=0", "?who="])
    expect((await call("GET", `/api/audit${query}`)).status).toBe(400)
})

test("the audit is bounded by age and by number, and a full disk keeps no change from being made", async () => {
  const { call, audit, trail, clock, settle, fill, makeRoom, lines } = start()
  for (let i = 0; i < 30; i++) await call("POST", `/api/sessions/s${i}/archive`)
  await settle(trail.prune())
  const kept = (await audit()).data
  expect(kept.map(({ sessionId }) => sessionId)).toEqual(Array.from({ length: 20 }, (_, i) => `s${29 - i}`))
  clock.turn(11 * DAY_MS)
  await settle(trail.prune())
  expect((await audit()).data).toEqual([])
  fill()
  const long = "x".repeat(200)
  for (let i = 0; i < 200; i++)
    expect((await call("POST", `/api/sessions/${long}${i}/archive`)).status).toBe(404)
  expect(lines.some((line) => line.includes("could not be entered in the audit"))).toBe(true)
  makeRoom()
  const { text } = await call("GET", "/metrics")
  expect(text).toMatch(/^codexd_audit_failures_total [1-9]/m)
})

test("requests are counted by pattern and status, and what people are asked by kind", async () => {
  const { call, rooms, ingest, now, settle } = start()
  for (const id of ["a", "b", "c"]) await call("POST", `/api/sessions/${id}/archive`)
  await call("GET", "/api/nowhere")
  const { session } = await settle(rooms.sessions.create({}))
  const params = { threadId: session.sessionId, turnId: "t", itemId: "i", command: "ls", cwd: "/" }
  ingest.take([asked(1, "item/commandExecution/requestApproval", params)], "run")
  now(() => undefined)
  const { text } = await call("GET", "/metrics")
  expect(text).toContain(
    'codexd_http_requests_total{route="/api/sessions/:sessionId/archive",method="POST",status="404"} 3',
  )
  expect(text).toContain('codexd_http_requests_total{route="unmatched",method="GET",status="404"} 1')
  expect(text).toContain(
    'codexd_http_request_seconds_count{route="/api/sessions/:sessionId/archive",method="POST"} 3',
  )
  expect(text).toContain('codexd_requests_opened_total{kind="approval"} 1')
})
