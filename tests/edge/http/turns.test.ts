// Turn and prompt routes over HTTP: the contract's order of gates, its statuses and bodies (wire-contract §1.6).

import { describe, expect, test } from "bun:test"
import { Fault } from "../../../src/base/fault.ts"
import { createKeys } from "../../../src/domain/keys/keys.ts"
import { createApi } from "../../../src/edge/http/api.ts"
import { createGate } from "../../../src/edge/http/guards.ts"
import { mustBeDescribed } from "../../support/described.ts"
import { createToldChild, openRooms, said } from "../../support/rooms.ts"

interface Reply {
  status: number
  body: Record<string, unknown>
}
type Headers = Record<string, string>

function open() {
  const child = createToldChild()
  const house = openRooms(child)
  const { rooms, reconcile, logger } = house
  house.now((tx) => {
    for (const id of ["one", "fresh", "system", "gone"]) {
      rooms.sessions.learn(tx, { id }, { materialized: id !== "fresh" })
    }
    rooms.sessions.change(tx, "system", { systemOwned: true })
  })
  house.now((tx) => {
    rooms.sessions.forget(tx, "gone")
    rooms.tombstones.put(tx, { sessionId: "gone", title: "Gone", innerId: undefined, deletedAt: 1 })
  })
  const gate = createGate({
    find: reconcile.find,
    known: (id) => rooms.sessions.find(id),
    deleted: rooms.tombstones.fault,
  })
  const door = { token: undefined, host: "127.0.0.1", allowedHosts: [], allowedOrigins: [] }
  const needs = { rooms, gate, door, logger, reconcile, keys: createKeys(house) }
  const api = createApi(needs as unknown as Parameters<typeof createApi>[0])
  async function ask(method: string, path: string, json?: unknown, headers: Headers = {}): Promise<Reply> {
    const request = new Request(`http://127.0.0.1/api/sessions/${path}`, {
      method,
      headers: {
        host: "127.0.0.1",
        ...(json !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
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
    const reply = { status: response?.status ?? 0, body: await response?.json() }
    mustBeDescribed(method, `/api/sessions/${path}`, reply)
    return reply
  }
  const runs = (id: string) =>
    house.ingest.take(
      [
        said("turn/started", { threadId: "one", turn: { id, status: "inProgress" } }),
        said("item/started", {
          threadId: "one",
          turnId: id,
          item: { type: "userMessage", id: `m-${id}`, content: [] },
        }),
      ],
      "run",
    )
  const ends = (id: string) =>
    house.ingest.take([said("turn/completed", { threadId: "one", turn: { id, status: "completed" } })], "run")
  return { ...house, child, ask, runs, ends }
}

const ROUTES: [method: string, path: string, json?: unknown][] = [
  ["POST", "messages", { text: "x" }],
  ["POST", "interrupt", {}],
  ["POST", "turns/t/steer", { input: "x" }],
  ["POST", "fork"],
  ["POST", "compact"],
  ["POST", "rollback"],
  ["POST", "background-terminals/clean"],
  ["POST", "review"],
  ["GET", "prompts"],
  ["POST", "prompts", { text: "x" }],
  ["PATCH", "prompts/p", { text: "x" }],
  ["DELETE", "prompts/p"],
]

describe.each(ROUTES)("%s /%s", (method, path, json) => {
  test("a deleted session is 410, a system's 403, each before the body is looked at", async () => {
    const { ask, child } = open()
    const broken = method === "GET" || method === "DELETE" ? undefined : { text: 7, input: 7, numTurns: "x" }
    for (const body of [json, broken]) {
      const gone = await ask(method, `gone/${path}`, body)
      expect(gone).toMatchObject({ status: 410, body: { status: "deleted", sessionId: "gone" } })
      const system = await ask(method, `system/${path}`, body)
      expect(system).toMatchObject({ status: 403, body: { code: "system_session", sessionId: "system" } })
    }
    expect((await ask(method, `%20/${path}`, json)).status).toBe(400)
    expect(child.calls).toEqual([])
  })
})

test("what doesn't fit is V400, with the field", async () => {
  const { ask } = open()
  const wrong: [method: string, path: string, json: unknown, field: string][] = [
    ["POST", "one/messages", {}, "text"],
    ["POST", "one/messages", { text: "  " }, "text"],
    ["POST", "one/messages", { text: "x", whenBusy: "later" }, "whenBusy"],
    ["POST", "one/messages", { text: "x", effort: "huge" }, "effort"],
    ["POST", "one/messages", { text: "x", approvalPolicy: "always" }, "approvalPolicy"],
    ["POST", "one/turns/t/steer", {}, "input"],
    ["POST", "one/rollback", { numTurns: 0 }, "numTurns"],
    ["POST", "one/rollback", { numTurns: 1.5 }, "numTurns"],
    ["POST", "one/review", { targetType: "everything" }, "targetType"],
    ["POST", "one/review", { title: "x".repeat(301) }, "title"],
    ["POST", "one/prompts", { text: "" }, "text"],
    ["PATCH", "one/prompts/p", { position: -1 }, "position"],
    ["PATCH", "one/prompts/p", { state: "accepted" }, "state"],
  ]
  for (const [method, path, json, field] of wrong) {
    const { status, body } = await ask(method, path, json)
    expect([path, status, body.code]).toEqual([path, 400, "invalid_request"])
    expect((body.issues as { path: string[] }[])[0]?.path[0]).toBe(field)
  }
  expect(await ask("PATCH", "one/prompts/p", {})).toMatchObject({ status: 400 })
})

test("the review's target is the contract's", async () => {
  const { ask, child, ends } = open()
  const targets: [asked: object, target: unknown][] = [
    [{ targetType: "uncommittedChanges" }, { type: "uncommittedChanges" }],
    [{ targetType: "baseBranch" }, { type: "baseBranch", branch: "main" }],
    [
      { targetType: "baseBranch", branch: "dev" },
      { type: "baseBranch", branch: "dev" },
    ],
    [
      { targetType: "commit", sha: "abc" },
      { type: "commit", sha: "abc", title: null },
    ],
    [
      { targetType: "commit", title: "T" },
      { type: "commit", sha: "", title: "T" },
    ],
    [{ instructions: "look" }, { type: "custom", instructions: "look" }],
  ]
  for (const [asked, target] of targets) {
    const { status, body } = await ask("POST", "one/review", asked)
    expect(status).toBe(200)
    expect(child.calls.at(-1)).toMatchObject(["review", { threadId: "one", delivery: "inline", target }])
    ends(body.turnId as string)
  }
  expect((await ask("POST", "one/review")).status).toBe(200)
  const [, review] = child.calls.at(-1) as [string, { target: { type: string; instructions: string } }]
  expect(review.target.type).toBe("custom")
  expect(review.target.instructions).not.toBe("")
})

test("bodies of success are the contract's, also without a body and a content type", async () => {
  const { ask, runs, ends, child } = open()
  child.compactThread = async () => {
    runs("c")
    return {}
  }
  expect(await ask("POST", "one/compact")).toEqual({
    status: 200,
    body: { status: "ok", sessionId: "one", result: {}, turnId: "c" },
  })
  ends("c")
  expect(await ask("POST", "one/rollback")).toEqual({
    status: 200,
    body: { status: "ok", sessionId: "one", numTurns: 1, via: "thread/revert", result: {}, turnIds: ["c"] },
  })
  child.cleanTerminals = async () => ({})
  expect(await ask("POST", "one/background-terminals/clean")).toEqual({
    status: 200,
    body: { status: "ok", sessionId: "one", result: {} },
  })
  expect(await ask("POST", "one/fork")).toMatchObject({
    status: 200,
    body: {
      status: "ok",
      sourceSessionId: "one",
      session: { sessionId: "fork-of-one" },
      thread: { id: "fork-of-one" },
    },
  })
  expect(await ask("POST", "one/messages", { text: "go" })).toEqual({
    status: 202,
    body: { status: "accepted", sessionId: "one", turnId: "turn-1" },
  })
  runs("turn-1")
  expect(await ask("POST", "one/turns/turn-1/steer", { input: "more" })).toEqual({
    status: 200,
    body: {
      status: "ok",
      sessionId: "one",
      turnId: "turn-1",
      result: {
        actionType: "turn.steer",
        status: "performed",
        details: { threadId: "one", turnId: "turn-1" },
      },
    },
  })
})

test("what the child can't do is 501 with the method's name, what it refuses is mapped, a child that is down is 503", async () => {
  const { ask, child } = open()
  const acts = [
    ["fork", "thread/fork", "forkThread"],
    ["compact", "thread/compact/start", "compactThread"],
    ["background-terminals/clean", "thread/backgroundTerminals/clean", "cleanTerminals"],
    ["review", "review/start", "startReview"],
  ] as const
  for (const [path, method, name] of acts) {
    for (const [code, status] of [
      ["method_not_supported", 501],
      ["invalid_state", 409],
      ["not_found", 404],
      ["codex_timeout", 504],
      ["codex_error", 500],
    ] as const) {
      child[name] = async () => {
        throw new Fault(code, "so it is", { method, sessionId: "one" })
      }
      expect(await ask("POST", `one/${path}`)).toEqual({
        status,
        body: { status: "error", code, message: "so it is", details: { method, sessionId: "one" } },
      })
    }
    child[name] = async () => {
      throw new Fault("runtime_unavailable", "down")
    }
    expect(await ask("POST", `one/${path}`)).toMatchObject({
      status: 503,
      body: { code: "runtime_unavailable" },
    })
  }
  child.loadThread = async () => {
    throw new Fault("not_found", "no rollout found", { method: "thread/resume", sessionId: "one" })
  }
  expect(await ask("POST", "one/compact")).toMatchObject({
    status: 404,
    body: { code: "not_found", details: { method: "thread/compact/start" } },
  })
  expect(await ask("POST", "fresh/fork")).toMatchObject({ status: 409, body: { code: "invalid_state" } })
})

test("a message: 404 for nobody's session, 409 and 202 by whenBusy, 400 for other tools", async () => {
  const { ask, runs } = open()
  expect(await ask("POST", "nobody/messages", { text: "x" })).toEqual({
    status: 404,
    body: { status: "not_found", sessionId: "nobody" },
  })
  runs("u")
  expect(await ask("POST", "one/messages", { text: "x", whenBusy: "reject" })).toMatchObject({
    status: 409,
    body: { status: "error", code: "turn_busy", sessionId: "one", turnId: "u" },
  })
  expect(await ask("POST", "one/messages", { text: "x", whenBusy: "queue" })).toMatchObject({
    status: 202,
    body: { status: "accepted", sessionId: "one", queued: true },
  })
  const tools = [{ name: "late", description: "", inputSchema: {} }]
  expect(await ask("POST", "one/messages", { text: "x", dynamicTools: tools })).toMatchObject({
    status: 400,
    body: { code: "dynamic_tools_fixed", kept: [], asked: ["late"] },
  })
})

test("an Idempotency-Key: same answer, 422 for another body, 409 where nobody can know", async () => {
  const { ask, child } = open()
  const key = { "idempotency-key": "k" }
  const first = await ask("POST", "one/messages", { text: "x" }, key)
  expect(await ask("POST", "one/messages", { text: "x" }, key)).toEqual(first)
  expect(child.calls.filter(([what]) => what === "start" || what === "steer")).toHaveLength(1)
  expect(await ask("POST", "one/messages", { text: "y" }, key)).toMatchObject({
    status: 422,
    body: { code: "idempotency_key_reused" },
  })
  child.tellsClientIds = () => false
  child.startTurn = async () => {
    throw new Fault("runtime_unavailable", "gone", { delivered: "unknown" })
  }
  const lost = { "idempotency-key": "lost" }
  expect((await ask("POST", "fresh/messages", { text: "x" }, lost)).status).toBe(503)
  for (const tells of [false, true]) {
    child.tellsClientIds = () => tells
    expect(await ask("POST", "fresh/messages", { text: "x" }, lost)).toMatchObject({
      status: 409,
      body: { code: "message_indeterminate", sessionId: "fresh" },
    })
  }
  const prompt = await ask("POST", "one/prompts", { text: "p" }, { "idempotency-key": "p" })
  expect(await ask("POST", "one/prompts", { text: "p" }, { "idempotency-key": "p" })).toEqual(prompt)
})
