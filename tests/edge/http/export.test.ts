// Export and import through the HTTP door: a round trip changes ids and times only, what is wrong is refused by its line and
// leaves nothing, and an imported session is read and never run.

import { describe, expect, test } from "bun:test"
import { createLanes } from "../../../src/base/kit/lanes.ts"
import { createAging } from "../../../src/domain/turns/aging/aging.ts"
import { createApi } from "../../../src/edge/http/api.ts"
import { createGate } from "../../../src/edge/http/guards.ts"
import { held } from "../../support/described.ts"
import { asked, openRooms, said } from "../../support/rooms.ts"

const TABLES = ["entries", "turns", "requests", "usage", "imports", "sessions", "search_docs"]

function open() {
  const house = openRooms()
  const { rooms, reconcile, logger, ingest, life } = house
  const take = (method: string, params: object) =>
    ingest.take([said(method, { threadId: "one", ...params })], "run")
  house.now((tx) => {
    rooms.sessions.learn(
      tx,
      { id: "one", cwd: "/w", model: "gpt", path: "/secret/rollout.jsonl" },
      { materialized: true },
    )
    rooms.sessions.entitle(tx, "one", { title: "The first *one*" })
    rooms.controls.keep(tx, "one", {
      ...rooms.controls.defaults(),
      model: "mini",
      settings: { a: [1, { b: "ü" }] },
    })
  })
  const items = [
    { type: "userMessage", id: "u", content: [{ type: "text", text: "Fix the ```parser```" }] },
    {
      type: "commandExecution",
      id: "c",
      command: "npm test",
      status: "completed",
      aggregatedOutput: "``` 42 passed",
    },
    { type: "agentMessage", id: "a", text: "Done: **all** green 你好" },
  ]
  take("turn/started", { turn: { id: "t", status: "inProgress" } })
  for (const item of items) {
    take("item/started", { turnId: "t", item })
    take("item/completed", { turnId: "t", item })
  }
  const params = { threadId: "one", turnId: "t", itemId: "c", command: ["npm", "test"], cwd: "/w" }
  ingest.take([asked(1, "item/commandExecution/requestApproval", params)], "run")
  const total = {
    totalTokens: 12,
    inputTokens: 10,
    cachedInputTokens: 0,
    outputTokens: 2,
    reasoningOutputTokens: 0,
  }
  take("thread/tokenUsage/updated", { turnId: "t", tokenUsage: { total, last: total } })
  take("turn/completed", { turn: { id: "t", status: "completed" } })
  const gate = createGate({
    find: reconcile.find,
    known: (id) => rooms.sessions.find(id),
    deleted: rooms.tombstones.fault,
  })
  const door = { token: undefined, host: "127.0.0.1", allowedHosts: [], allowedOrigins: [] }
  const api = createApi({ rooms, gate, door, logger, reconcile, life } as unknown as Parameters<
    typeof createApi
  >[0])
  async function ask(
    method: string,
    path: string,
    body?: string | ReadableStream,
    type = "application/x-ndjson",
  ) {
    const request = new Request(`http://127.0.0.1/api/sessions/${path}`, {
      method,
      headers: { host: "127.0.0.1", ...(body !== undefined && { "content-type": type }) },
      ...(body !== undefined && { body }),
    })
    const response = await house.settle(held(api).fetch(request, { address: "127.0.0.1" } as never))
    const text = await house.settle(response?.text() ?? Promise.resolve(""))
    return { status: response?.status ?? 0, text, headers: response?.headers }
  }
  const rows = () => TABLES.map((table) => house.db.get(`SELECT count(*) AS n FROM ${table}`)?.n)
  return { ...house, ask, rows }
}

interface Line {
  kind: string
  [key: string]: unknown
}
const linesOf = (text: string): Line[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line)
const without = (line: Line): Line =>
  line.kind === "session"
    ? { ...line, id: "", exportedAt: "", thread: { ...(line.thread as object), id: "", sessionId: "" } }
    : line

describe("a round trip", () => {
  test("export, import and export again give the same but for ids and times", async () => {
    const { ask, rooms, told } = open()
    const first = await ask("GET", "one/export?format=jsonl")
    expect(first.status).toBe(200)
    expect(first.headers?.get("content-disposition")).toBe('attachment; filename="session-one.jsonl"')
    const lines = linesOf(first.text)
    const kinds = [...new Set(lines.map(({ kind }) => kind))]
    expect(kinds).toEqual(["session", "turn", "entry", "request", "usage", "end"])
    expect(first.text).not.toContain("/secret/")
    const imported = await ask("POST", "import", first.text)
    expect(imported.status).toBe(201)
    const { sessionId, title } = (
      JSON.parse(imported.text) as { session: { sessionId: string; title: string } }
    ).session
    expect(title).toBe("The first *one*")
    const second = await ask("GET", `${sessionId}/export?format=jsonl`)
    expect(linesOf(second.text).map(without)).toEqual(lines.map(without))
    expect(told.filter(({ type }) => type === "session.created").map(({ thread }) => thread)).toContain(
      sessionId,
    )
    const read = JSON.parse((await ask("GET", sessionId)).text)
    const original = JSON.parse((await ask("GET", "one")).text)
    expect(read.transcript).toEqual(original.transcript)
    expect(rooms.search.search({ q: "你好", includeSystemOwned: false, limit: 9 }).matches).toBe(2)
    const used = { groupBy: [], limit: 9, offset: 0 }
    expect(rooms.usage.sums({ ...used, includeImported: false }).all?.total).toBe(12)
    expect(rooms.usage.sums({ ...used, includeImported: true }).all?.total).toBe(24)
  })

  test("what was dropped for its age is said in both formats, and by the imported session for good", async () => {
    const { ask, clock, db, log, settle, faults } = open()
    const dropped = async (id: string) =>
      JSON.parse((await ask("GET", `${id}/transcript?limit=9`)).text).droppedBefore
    const aging = createAging({
      db,
      log,
      clock,
      lanes: createLanes(),
      maxAgeMs: 1_000,
      onFault: (error) => void faults.push(error),
    })
    const { text: young } = await ask("GET", "one/export?format=jsonl")
    expect(linesOf(young)[0]?.droppedBefore).toBeNull()
    const ended = clock.now()
    clock.turn(1_001)
    await settle(aging.prune())
    expect(await dropped("one")).toBe(new Date(ended).toISOString())
    const { text } = await ask("GET", "one/export?format=jsonl")
    expect(linesOf(text)[0]?.droppedBefore).toBe(ended)
    expect((await ask("GET", "one/export")).text).toContain(new Date(ended).toISOString())
    const { session } = JSON.parse((await ask("POST", "import", text)).text)
    expect(await dropped(session.sessionId)).toBe(new Date(ended).toISOString())
    const again = await ask("GET", `${session.sessionId}/export?format=jsonl`)
    expect(linesOf(again.text).map(without)).toEqual(linesOf(text).map(without))
    // Files from before there was such a field.
    const old = text.replace(`,"droppedBefore":${ended}`, "")
    expect(old).not.toBe(text)
    const older = JSON.parse((await ask("POST", "import", old)).text)
    expect(await dropped(older.session.sessionId)).toBeNull()
  })

  test("an imported session is listed and read; nothing is done in it but to assign and to delete it", async () => {
    const { ask, rooms, rows, child } = open()
    const before = rows()
    const { text } = await ask("GET", "one/export?format=jsonl")
    const { session } = JSON.parse((await ask("POST", "import", text)).text)
    const id = session.sessionId as string
    const page = { archived: false, includeSystemOwned: false, limit: 9 }
    expect(rooms.sessions.list(page)).toContain(id)
    for (const [method, what] of [
      ["POST", "messages"],
      ["POST", "resume"],
      ["POST", "fork"],
      ["POST", "archive"],
      ["POST", "rename"],
      ["POST", "transcript/upsert"],
      ["POST", "prompts"],
    ] as const) {
      const refused = await ask(method, `${id}/${what}`, "{}", "application/json")
      expect([what, refused.status, JSON.parse(refused.text).code]).toEqual([what, 409, "session_read_only"])
    }
    const sending = rooms.turns.send(id, { text: "go" })
    sending.catch(() => {})
    expect(sending).rejects.toMatchObject({ code: "session_read_only" })
    expect((await ask("POST", `${id}/project`, '{"projectId":null}', "application/json")).status).toBe(200)
    expect((await ask("DELETE", id)).status).toBe(200)
    expect(rows()).toEqual(before)
    expect(JSON.stringify(child.calls)).not.toContain("/secret/")
  })
})

describe("what is wrong is refused by its line, and nothing is left of it", () => {
  const cases: [string, number, (lines: string[]) => string[]][] = [
    ["no JSON", 3, (lines) => lines.with(2, "{")],
    ["an empty line", 3, (lines) => lines.toSpliced(2, 0, "")],
    ["an unknown kind", 2, (lines) => lines.with(1, '{"kind":"moon"}')],
    ["a wrong field", 2, (lines) => lines.with(1, lines[1]?.replace('"place":', '"plaice":') ?? "")],
    [
      "an item that is no JSON",
      3,
      (lines) => lines.with(2, JSON.stringify({ ...JSON.parse(lines[2] ?? ""), item: "{" })),
    ],
    [
      "a time that is no date",
      1,
      (lines) => lines.with(0, lines[0]?.replace(/"createdAt":\d+/, '"createdAt":9e12') ?? ""),
    ],
    ["a newer version", 1, (lines) => lines.with(0, lines[0]?.replace('"version":1', '"version":2') ?? "")],
    ["no session first", 1, (lines) => lines.slice(1)],
    ["a second session", 2, (lines) => lines.toSpliced(1, 0, lines[0] ?? "")],
    ["an entry twice", 4, (lines) => lines.with(3, lines[2] ?? "")],
    ["a line too many", 0, (lines) => [...lines, lines[2] ?? ""]],
    ["a cut end", 0, (lines) => lines.slice(0, -1)],
    ["a line that is missing", 0, (lines) => lines.toSpliced(2, 1)],
    ["nothing", 1, () => []],
  ]
  test.each(cases)("%s", async (_name, line, change) => {
    const { ask, rows } = open()
    const { text } = await ask("GET", "one/export?format=jsonl")
    const before = rows()
    const refused = await ask("POST", "import", change(text.trimEnd().split("\n")).join("\n"))
    const body = JSON.parse(refused.text)
    expect([refused.status, body.code]).toEqual([400, "invalid_import"])
    if (line > 0) expect(body.line).toBe(line)
    expect(rows()).toEqual(before)
  })

  test("a line beyond 4 MiB, bytes that are no UTF-8, another content type", async () => {
    const { ask, rows } = open()
    const before = rows()
    const { status, text } = await ask("POST", "import", `{"kind":"${"x".repeat(5 * 1024 * 1024)}"}`)
    expect([status, JSON.parse(text).line]).toEqual([400, 1])
    const bytes = new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array([0x7b, 0xff, 0xfe]))
        controller.close()
      },
    })
    expect((await ask("POST", "import", bytes)).status).toBe(400)
    expect((await ask("POST", "import", "{}", "application/json")).status).toBe(415)
    expect(rows()).toEqual(before)
  })

  test("what a kill left of an import goes at the next start", async () => {
    const { rooms, now, settle, rows } = open()
    const before = rows()
    now((tx) => {
      tx.run("INSERT INTO imports (session_id, done, imported_at) VALUES ('half', 0, 1)")
      tx.run("INSERT INTO turns (session_id, id, place, status) VALUES ('half', 't', 0, 'completed')")
    })
    await settle(rooms.transfer.sweep())
    expect(rows()).toEqual(before)
  })
})

test("Markdown is for people: who said what, what was done, details folded in a fence that holds", async () => {
  const { ask } = open()
  const { status, text, headers } = await ask("GET", "one/export")
  expect(status).toBe(200)
  expect(headers?.get("content-type")).toBe("text/markdown; charset=utf-8")
  expect(text).toStartWith("# The first *one*\n")
  expect(text).toContain("Fix the ```parser```")
  expect(text).toContain("**Command completed: npm test**")
  expect(text).toContain("````json\n")
  expect(text.indexOf("## You")).toBeLessThan(text.indexOf("## Codex"))
  expect((await ask("GET", "one/export?format=pdf")).status).toBe(400)
})
