// The transcript over HTTP: entries from outside, pages, changes, ETags, and what happens on a full disk.

import { expect, test } from "bun:test"
import { createApi } from "../../../src/edge/http/api.ts"
import { createGate } from "../../../src/edge/http/guards.ts"
import { held } from "../../support/described.ts"
import { openRooms, said } from "../../support/rooms.ts"

const NOBODY = "0193b2f0-0000-7000-8000-000000000000"

function start() {
  const house = openRooms()
  Object.assign(house.child, { history: async () => [] })
  const api = createApi({
    ...house,
    gate: createGate({
      find: async (id) => house.rooms.sessions.find(id),
      known: (id) => house.rooms.sessions.find(id),
      deleted: house.rooms.tombstones.fault,
    }),
    door: { token: undefined, host: "127.0.0.1", allowedHosts: [], allowedOrigins: [] },
    version: "test",
    health: () => ({ status: "ok" }),
  } as never)
  const peer = { address: "127.0.0.1", loopback: true, upgrade: () => false, holdOpen() {}, letGo() {} }
  async function call(path: string, { body, headers = {} }: { body?: unknown; headers?: object } = {}) {
    const request = new Request(`http://127.0.0.1/api/sessions/${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        host: "127.0.0.1",
        ...headers,
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const response = await house.settle(held(api).fetch(request, peer))
    const text = (await response?.text()) ?? ""
    return {
      status: response?.status,
      etag: response?.headers.get("etag") ?? "",
      text,
      body: text === "" ? undefined : JSON.parse(text),
    }
  }
  const tell = (method: string, params: object) =>
    house.ingest.take([said(method, { threadId: "t", ...params })], "run")
  house.ingest.take([said("thread/started", { thread: { id: "t" } })], "run")
  return { house, call, tell }
}
const note = (messageId: string, more = {}) => ({
  messageId,
  turnId: "u",
  role: "system",
  type: "note",
  content: "text",
  status: "complete",
  ...more,
})
const turn = (status = "inProgress") => ({ turn: { id: "u", status } })
const message = (id: string, text: string) => ({
  turnId: "u",
  item: { type: "agentMessage", id, text },
})

test("an entry from outside is stored, told whole and answered as it was sent; the same again changes nothing", async () => {
  const { house, call } = start()
  const asked = note(" n ", { details: null, extra: 1, startedAt: 5 })
  const answer = await call("t/transcript/upsert", { body: asked })
  const entry = note("n", { startedAt: 5 })
  expect([answer.status, answer.body]).toEqual([200, { status: "ok", sessionId: "t", entry }])
  const told = () =>
    house.told.filter(({ type }) => type === "transcript.updated").map(({ body }) => JSON.parse(body))
  expect(told()).toEqual([{ threadId: "t", turnId: "u", messageId: "n", type: "note", entry }])
  const before = await call("t/transcript")
  expect(before.body.entries).toEqual([entry])
  await call("t/transcript/upsert", { body: asked })
  expect((await call("t/transcript")).etag).toBe(before.etag)
  // A late streaming one does not reopen it; what is told is the row, not the request.
  await call("t/transcript/upsert", { body: note("n", { status: "streaming", content: "late" }) })
  expect(told().at(-1).entry).toEqual(entry)
})

test("what does not fit is 400, nobody's session 404, a deleted one 410, a system's is taken", async () => {
  const { house, call } = start()
  const bad = [
    {},
    { messageId: " " },
    { role: "robot" },
    { status: "done" },
    { content: 1 },
    { startedAt: -1 },
  ]
  for (const one of bad) {
    const body = Object.keys(one).length ? note("n", one) : {}
    expect((await call("t/transcript/upsert", { body })).status).toBe(400)
  }
  expect(await call(`${NOBODY}/transcript/upsert`, { body: note("n") })).toMatchObject({
    status: 404,
    body: { status: "not_found", sessionId: NOBODY },
  })
  expect((await call(`${NOBODY}/transcript`)).status).toBe(404)
  for (const query of ["limit=0", "limit=1001", "limit=x", "before=nobody", "before=a&since=b", "since="])
    expect([query, (await call(`t/transcript?${query}`)).status]).toEqual([query, 400])
  house.now((tx) => house.rooms.sessions.change(tx, "t", { systemOwned: true }))
  expect((await call("t/transcript/upsert", { body: note("n") })).status).toBe(200)
  expect(house.told.at(-1)).toMatchObject({ type: "transcript.updated", scope: "hidden" })
  await house.settle(house.life.remove("t"))
  expect((await call("t/transcript/upsert", { body: note("n") })).status).toBe(410)
})

test("the daemon's own secrets are not kept in what somebody writes", async () => {
  const { house, call } = start()
  house.masks.add("a-very-secret-token")
  const body = note("n", { content: "it is a-very-secret-token", details: '{"t":"a-very-secret-token"}' })
  await call("t/transcript/upsert", { body })
  expect((await call("t/transcript")).text).not.toContain("a-very-secret-token")
  expect(JSON.stringify(house.told)).not.toContain("a-very-secret-token")
})

test("pages join from the end to the beginning, and what changed since a place is told once", async () => {
  const { call, tell } = start()
  tell("turn/started", turn())
  for (let i = 0; i < 25; i++) tell("item/completed", message(`m${i}`, `text ${i}`))
  const seen: string[] = []
  let before: string | null = ""
  let pages = 0
  do {
    const { body } = await call(`t/transcript?limit=10${before && `&before=${before}`}`)
    seen.unshift(...body.entries.map((e: { messageId: string }) => e.messageId))
    before = body.before
    pages++
  } while (before !== null)
  expect([seen, pages]).toEqual([Array.from({ length: 25 }, (_, i) => `m${i}`), 3])
  const { head } = (await call("t/transcript")).body
  expect((await call(`t/transcript?since=${head}`)).body).toMatchObject({
    whole: false,
    entries: [],
    after: [],
  })
  tell("item/completed", message("m25", "more"))
  tell("item/completed", message("m3", "text 3, again"))
  const change = (await call(`t/transcript?since=${head}`)).body
  expect(change.entries.map((e: { messageId: string }) => e.messageId)).toEqual(["m3", "m25"])
  expect(change.after).toEqual(["m2", "m24"])
  expect((await call("t/transcript?since=elsewhere.7")).body).toMatchObject({ whole: true })
  expect((await call("t/transcript?since=elsewhere.7")).body.entries).toHaveLength(26)
})

test("a read that would say the same is 304; whatever it shows makes it another one", async () => {
  const { house, call, tell } = start()
  const steps: [string, () => unknown][] = [
    ["a turn", () => tell("turn/started", turn())],
    ["an item", () => tell("item/started", message("m", ""))],
    ["streamed text", () => tell("item/agentMessage/delta", { turnId: "u", itemId: "m", delta: "hello" })],
    ["the end of the item", () => tell("item/completed", message("m", "hello!"))],
    ["the end of the turn", () => tell("turn/completed", turn("completed"))],
    ["a name", () => house.settle(house.life.rename("t", "a title"))],
    [
      "the defaults",
      () =>
        house.now((tx) =>
          house.rooms.controls.keep(tx, "default", { ...house.rooms.controls.of("t"), model: "m" }),
        ),
    ],
    ["a row", () => call("t/transcript/upsert", { body: note("n") })],
  ]
  for (const path of ["t", "t/transcript"]) expect((await call(path)).status).toBe(200)
  let last = await call("t")
  for (const [what, step] of steps) {
    await step()
    const now = await call("t", { headers: { "if-none-match": last.etag } })
    expect([what, now.status, now.text === last.text]).toEqual([what, 200, false])
    const again = await call("t", { headers: { "if-none-match": `"x", W/${now.etag}` } })
    expect([what, again.status, again.text, again.etag]).toEqual([what, 304, "", now.etag])
    const plain = await call("t", { headers: { "if-none-match": now.etag } })
    expect([what, plain.status, plain.text, plain.etag]).toEqual([what, 304, "", now.etag])
    expect((await call("t")).text).toBe(now.text)
    last = now
  }
  const other = await call("t/transcript")
  expect((await call("t/transcript", { headers: { "if-none-match": other.etag } })).status).toBe(304)
  await house.settle(house.life.remove("t"))
  expect((await call("t", { headers: { "if-none-match": last.etag } })).status).toBe(410)
})

test("what was read under one run of the child is laid beside its history anew under the next", async () => {
  const { house, call } = start()
  house.now((tx) => house.rooms.sessions.learn(tx, { id: "t" }, { materialized: true }))
  const runs: string[] = []
  Object.assign(house.child, { history: async () => [void runs.push(house.run())].flat().slice(1) })
  const { etag } = await call("t")
  const same = { headers: { "if-none-match": etag } }
  expect([(await call("t", same)).status, runs]).toEqual([304, ["run"]])
  house.run("another")
  await call("t", same)
  expect(runs).toEqual(["run", "another"])
})

test("on a full disk writes are 507, what streams is told and read all the same, and afterwards all is there", async () => {
  const { house, call, tell } = start()
  tell("turn/started", turn())
  tell("item/started", message("m", ""))
  house.fill()
  let full = 200
  // There is some room left in the last page: until it is used.
  for (let i = 0; i < 50 && full === 200; i++)
    full =
      (await call("t/transcript/upsert", { body: note(`n${i}`, { content: "x".repeat(5_000) }) })).status ?? 0
  expect(full).toBe(507)
  const [hel, lo] = ["hel".repeat(4_000), "lo".repeat(4_000)]
  for (const delta of [hel, lo]) tell("item/agentMessage/delta", { turnId: "u", itemId: "m", delta })
  const deltas = house.told.filter(({ type }) => type === "transcript.delta")
  expect(deltas.map(({ body, stored }) => [JSON.parse(body).offset, JSON.parse(body).delta, stored])).toEqual(
    [
      [0, hel, false],
      [hel.length, lo, false],
    ],
  )
  const during = await call("t")
  expect(during.status).toBe(200)
  expect(during.body.transcript.find((e: { messageId: string }) => e.messageId === "m").content).toBe(
    hel + lo,
  )
  house.makeRoom()
  tell("item/completed", message("m", hel + lo))
  tell("turn/completed", turn("completed"))
  expect((await call("t/transcript/upsert", { body: note("last") })).status).toBe(200)
  const after = (await call("t")).body
  expect(after.transcript.find((e: { messageId: string }) => e.messageId === "m")).toMatchObject({
    content: hel + lo,
    status: "complete",
  })
  expect(after.thread.turns).toMatchObject([
    { id: "u", status: "completed", items: [{ id: "m", text: hel + lo }] },
  ])
  expect(house.driver.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" })
})
