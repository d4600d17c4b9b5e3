// The routes of requests over HTTP: the inbox of all sessions, decisions with who made them, a decline with a word for the
// model, secret answers, sizes.

import { describe, expect, test } from "bun:test"
import { Fault } from "../../../src/base/fault.ts"
import { createApi } from "../../../src/edge/http/api.ts"
import { createGate } from "../../../src/edge/http/guards.ts"
import { held } from "../../support/described.ts"
import { asked, createToldChild, openRooms, said } from "../../support/rooms.ts"

const COMMAND = "item/commandExecution/requestApproval"
type Json = Record<string, unknown>

function open() {
  const house = openRooms(createToldChild())
  const { rooms, reconcile, logger } = house
  const gate = createGate({
    find: reconcile.find,
    known: (id) => rooms.sessions.find(id),
    deleted: rooms.tombstones.fault,
  })
  const door = { token: undefined, host: "127.0.0.1", allowedHosts: [], allowedOrigins: [] }
  const api = createApi({ rooms, gate, door, logger, reconcile } as unknown as Parameters<
    typeof createApi
  >[0])
  async function ask(path: string, json?: unknown) {
    const body = JSON.stringify(json)
    const post = {
      method: "POST",
      body,
      headers: { host: "127.0.0.1", "content-type": "application/json", "content-length": `${body?.length}` },
    }
    const request = new Request(
      `http://127.0.0.1/api/${path}`,
      json === undefined ? { headers: { host: "127.0.0.1" } } : post,
    )
    const reply = await house.settle(held(api).fetch(request, { address: "127.0.0.1" } as never))
    const text = (await reply?.text()) ?? ""
    return { status: reply?.status ?? 0, text, body: JSON.parse(text) as Json }
  }
  let rpcId = 0
  /** The child asks in that session; a turn `u-SESSION` runs in it. */
  const request = (session: string, method = COMMAND, more: Json = {}) => {
    house.clock.turn(10)
    const params = {
      threadId: session,
      turnId: `u-${session}`,
      itemId: `i-${rpcId}`,
      command: "make",
      ...more,
    }
    house.ingest.take([asked(rpcId++, method, params)], "run")
  }
  const session = (id: string, change: Json = {}) => {
    house.ingest.take(
      [
        said("thread/started", { thread: { id, cwd: "/w" } }),
        said("turn/started", { threadId: id, turn: { id: `u-${id}`, status: "inProgress" } }),
        said("item/started", {
          threadId: id,
          turnId: `u-${id}`,
          item: { type: "userMessage", id: `m-${id}`, content: [] },
        }),
      ],
      "run",
    )
    house.now((tx) => rooms.sessions.change(tx, id, change))
  }
  return { ...house, ask, session, request }
}
const dataOf = ({ body }: { body: Json }) => body.data as Json[]

describe("the inbox", () => {
  test("has what waits in every session, oldest first, with its session and its project", async () => {
    const house = open()
    house.session("a", { title: "Alpha" })
    house.session("b", { projectId: "p" })
    house.request("a")
    house.request("b", "item/tool/call", { tool: "weather", callId: "c" })
    house.request("a", "item/tool/requestUserInput", { questions: [] })
    const page = await house.ask("requests")
    expect(page.status).toBe(200)
    expect(page.body.nextCursor).toBeNull()
    expect(dataOf(page)).toMatchObject([
      { kind: "approval", sessionId: "a", sessionTitle: "Alpha", projectId: null, topic: "command" },
      { kind: "tool_call", sessionId: "b", projectId: "p", tool: "weather" },
      { kind: "tool_input", sessionId: "a" },
    ])
    for (const { id, approvalId, requestId } of dataOf(page)) expect(approvalId ?? requestId).toBe(id)
  })

  test("is narrowed by kind, topic, session, project and state", async () => {
    const house = open()
    house.session("a")
    house.session("b", { projectId: "p" })
    house.request("a")
    house.request("b")
    house.request("b", "item/permissions/requestApproval", { permissions: {} })
    house.request("b", "item/tool/call", { tool: "weather" })
    const count = async (query: string) => dataOf(await house.ask(`requests?${query}`)).length
    expect(await count("kind=approval")).toBe(3)
    expect(await count("topic=permissions")).toBe(1)
    expect(await count("kind=tool_call&topic=permissions")).toBe(0)
    expect(await count("sessionId=a")).toBe(1)
    expect(await count("projectId=p")).toBe(3)
    expect(await count("projectId=p&kind=approval&sessionId=b")).toBe(2)
    expect(await count("state=open")).toBe(4)
    expect(await count("state=answered")).toBe(0)
    house.now((tx) => house.rooms.requests.endRun(tx, { runId: "run", reason: "dead" }))
    // A tool call does not outlive its child.
    expect(await count("")).toBe(3)
    expect([await count("state=open"), await count("state=orphaned"), await count("state=expired")]).toEqual([
      0, 3, 1,
    ])
  })

  test("comes by pages that miss nothing and double nothing while requests come and go", async () => {
    const house = open()
    house.session("a")
    for (let i = 0; i < 7; i++) house.request("a")
    const first = await house.ask("requests?limit=3")
    const [gone] = dataOf(first)
    await house.ask(`approvals/${gone?.id}/decision`, { decision: "decline" })
    house.request("a")
    const rest = await house.ask(`requests?limit=200&cursor=${first.body.nextCursor}`)
    const ids = [...dataOf(first), ...dataOf(rest)].map(({ id }) => id)
    expect(ids).toHaveLength(8)
    expect(new Set(ids).size).toBe(8)
    expect(rest.body.nextCursor).toBeNull()
    expect(dataOf(await house.ask("requests"))).toHaveLength(7)
  })

  test("hides what belongs to the system, and refuses a query that it can't read", async () => {
    const house = open()
    house.session("a", { title: "A" })
    house.request("a")
    house.now((tx) => house.rooms.sessions.change(tx, "a", { systemOwned: true }))
    expect(dataOf(await house.ask("requests"))).toEqual([])
    for (const bad of ["cursor=nonsense", "state=odd", "kind=odd", "limit=0", "limit=201", "sessionId="])
      expect((await house.ask(`requests?${bad}`)).body).toMatchObject({ code: "invalid_request" })
  })
})

describe("a decision", () => {
  const decided = async (more: Json = {}) => {
    const house = open()
    house.session("a")
    house.request("a")
    const [row] = dataOf(await house.ask("requests"))
    const decide = (json: Json) => house.ask(`approvals/${row?.id}/decision`, json)
    return { ...house, id: String(row?.id), decide, reply: await decide({ decision: "accept", ...more }) }
  }

  test("says who made it, where and when, in its answer and in the transcript", async () => {
    const { reply, rooms, decide, clock, id } = await decided({ actor: "Ada", source: "console" })
    const about = { decidedBy: "Ada", decidedFrom: "console", decidedAt: new Date(clock.now()).toISOString() }
    expect(reply).toMatchObject({
      status: 200,
      body: { status: "ok", threadId: "a", scope: "turn", ...about },
    })
    const rows = await rooms.transcript.read("a")
    const row = rows.find(({ messageId }) => messageId === `approval-${id}`)
    expect(JSON.parse(row?.details ?? "{}")).toMatchObject({ ...about, decidedAt: clock.now() })
    // Who repeats it hears who was first.
    expect((await decide({ decision: "accept", actor: "Bob" })).body).toMatchObject(about)
    expect((await decide({ decision: "decline", actor: "Bob" })).status).toBe(409)
  })

  test("of nobody in particular is the user's, by the API", async () => {
    expect((await decided()).reply.body).toMatchObject({ decidedBy: "user", decidedFrom: "api" })
  })

  test.each([
    { decision: "maybe" },
    { actor: "" },
    { source: "x".repeat(65) },
    { decision: "accept", feedback: "no" },
    { decision: "cancel", feedback: "no" },
    { execpolicyAmendment: [] },
    { execpolicyAmendment: ["make"] },
    { networkPolicyAmendment: { host: "a" } },
    { permissions: [] },
  ])("that it can't be is 400 and changes nothing: %j", async (bad) => {
    const { reply, rooms, child } = await decided(bad)
    expect(reply).toMatchObject({ status: 400, body: { code: "invalid_request" } })
    expect(rooms.requests.list("a", "approval")).toHaveLength(1)
    expect(child.calls).toEqual([])
  })
})

test("an answer nested deeper than Codex reads is 400 and leaves its request waiting: it would wait for ever", async () => {
  const house = open()
  house.session("a")
  house.request("a", "item/tool/call", { tool: "weather" })
  const [row] = dataOf(await house.ask("requests"))
  const nested = (depth: number) => JSON.parse(`${"[".repeat(depth)}${"]".repeat(depth)}`) as unknown
  const answer = (json: Json) => house.ask(`tool-calls/${row?.id}/response`, json)
  for (const depth of [64, 200, 5_000]) {
    expect(await answer({ response: nested(depth) })).toMatchObject({
      status: 400,
      body: { code: "invalid_request", message: "the body is nested deeper than 64 levels" },
    })
  }
  expect(house.child.calls).toEqual([])
  expect(dataOf(await house.ask("requests"))).toHaveLength(1)
  expect((await answer({ response: nested(63) })).status).toBe(200)
})

describe("a decline with feedback", () => {
  const declining = async (change: (house: ReturnType<typeof open>) => void = () => {}) => {
    const house = open()
    house.session("a")
    house.request("a")
    change(house)
    const [row] = dataOf(await house.ask("requests"))
    const decline = () =>
      house.ask(`approvals/${row?.id}/decision`, { decision: "decline", feedback: "use npm" })
    return { ...house, decline }
  }

  test("joins the turn after the decline, once", async () => {
    const { decline, child } = await declining()
    expect((await decline()).body).toMatchObject({ status: "ok", feedback: "given" })
    expect((await decline()).body).toMatchObject({ status: "ok", feedback: "repeated" })
    expect(child.calls.map(([what]) => what)).toEqual(["steer", "answer"])
    expect(child.calls[0]).toEqual(["steer", "a", "u-a", "use npm"])
  })

  test("says when the turn could not be told", async () => {
    const { decline } = await declining((house) => {
      house.child.steerTurn = async () => {
        throw new Fault("no_active_turn", "over")
      }
    })
    expect((await decline()).body).toMatchObject({
      status: "ok",
      feedback: "not_given",
      feedbackReason: expect.any(String),
    })
  })

  test("of a request whose child died has nobody to hear it", async () => {
    const { decline, child } = await declining((house) =>
      house.now((tx) => house.rooms.requests.endRun(tx, { runId: "run", reason: "dead" })),
    )
    expect((await decline()).body).toMatchObject({ state: "declined", feedback: "not_given" })
    expect(child.calls).toEqual([])
  })
})

describe("a secret answer", () => {
  const SECRET = 'hunter"2\\ for ever'
  const questions = [
    { id: "pw", header: "Password", question: "Yours?", isSecret: true },
    { id: "user", header: "User", question: "Who?" },
  ]
  const answering = async () => {
    const house = open()
    house.session("a")
    house.request("a", "item/tool/requestUserInput", { questions })
    const [row] = dataOf(await house.ask("requests"))
    const answer = (json: Json) =>
      house.ask(`tool-input/${row?.id}/decision`, { decision: "accept", ...json })
    const answers = { pw: { answers: [SECRET] }, user: { answers: ["ada"] } }
    return { ...house, id: String(row?.id), answer, answers }
  }

  test("reaches the child, and nothing of it stays", async () => {
    const { answer, answers, child, driver, told, lines, id, masks } = await answering()
    expect((await answer({ answers: { pw: answers.pw } })).text).not.toContain("hunter")
    const reply = await answer({ answers })
    expect(reply.status).toBe(200)
    expect(child.calls.at(-1)).toEqual(["answer", "run", 0, { answers }])
    const tables = driver
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%\\_data' ESCAPE '\\'")
      .all()
    const stored = tables.map(({ name }) =>
      JSON.stringify(driver.prepare(`SELECT * FROM "${name}"`).all(), plain),
    )
    expect(stored.join("\n")).toContain(id)
    for (const text of [...stored, JSON.stringify(told), ...lines, reply.text])
      expect(text).not.toContain("hunter")
    expect(masks.apply(`it is ${SECRET}`)).toBe("it is [masked]")
  })

  test("hides itself and not what plain questions were answered beside it: that word is everywhere", async () => {
    const { answer, answers, masks } = await answering()
    await answer({ answers: { ...answers, user: { answers: ["administrator"] } } })
    expect(masks.apply(`administrator: ${SECRET}`)).toBe("administrator: [masked]")
  })

  test("is known again: the same one is fine, another one is refused without being repeated", async () => {
    const { answer, answers } = await answering()
    await answer({ answers })
    expect((await answer({ answers })).status).toBe(200)
    const other = await answer({ answers: { ...answers, pw: { answers: ["hunter3"] } } })
    expect(other.status).toBe(409)
    expect(other.text).not.toContain("hunter")
  })

  test("in an answer of a client's own shape is hidden as well", async () => {
    const { answer, driver, child } = await answering()
    const response = { answers: { pw: { answers: [SECRET] } } }
    expect((await answer({ response })).status).toBe(200)
    expect(child.calls.at(-1)).toEqual(["answer", "run", 0, response])
    expect(JSON.stringify(driver.prepare("SELECT * FROM requests").all(), plain)).not.toContain("hunter")
  })
})

describe("a tool's answer", () => {
  const calling = async () => {
    const house = open()
    house.session("a")
    house.request("a", "item/tool/call", { tool: "weather", callId: "c", arguments: { town: "Ulm" } })
    const [row] = dataOf(await house.ask("requests"))
    return { ...house, answer: (json: Json) => house.ask(`tool-calls/${row?.id}/response`, json) }
  }

  test("is a text, items, a failure, or nothing", async () => {
    const image = { type: "inputImage", imageUrl: "data:image/png;base64,AAAA" }
    for (const [given, sent] of [
      [{ text: "sunny" }, { contentItems: [{ type: "inputText", text: "sunny" }], success: true }],
      [{ contentItems: [image] }, { contentItems: [image], success: true }],
      [
        { success: false, text: "no" },
        { contentItems: [{ type: "inputText", text: "no" }], success: false },
      ],
      [{}, { contentItems: [], success: true }],
    ]) {
      const { answer, child } = await calling()
      expect((await answer(given as Json)).status).toBe(200)
      expect(child.calls.at(-1)?.[3]).toEqual(sent)
    }
  })

  test.each([
    { contentItems: [{ type: "inputImage", imageUrl: "file:///etc/passwd" }] },
    { contentItems: [{ type: "inputAudio", audioUrl: "data:audio/wav;base64,AA" }] },
    { contentItems: Array.from({ length: 1_001 }, () => ({ type: "inputText", text: "x" })) },
    { text: 1 },
  ])("that no binary takes is 400", async (bad) => {
    const { answer, rooms } = await calling()
    expect((await answer(bad)).body).toMatchObject({ code: "invalid_request" })
    expect(rooms.requests.list("a", "tool_call")).toHaveLength(1)
  })

  test("of more than 8 MiB is 413 and says how much may come", async () => {
    const { answer, rooms } = await calling()
    const reply = await answer({ text: "x".repeat(8 * 1024 * 1024) })
    expect(reply).toMatchObject({ status: 413, body: { code: "request_failed" } })
    expect(reply.body.message).toMatch(/8 MiB/)
    expect(rooms.requests.list("a", "tool_call")).toHaveLength(1)
    expect((await answer({ text: "x".repeat(7 * 1024 * 1024) })).status).toBe(200)
  })
})

const plain = (_key: string, value: unknown) => (typeof value === "bigint" ? String(value) : value)
