// The search route: what may be asked, and that bad questions are 400 and never 500.

import { expect, test } from "bun:test"
import { createApi } from "../../../src/edge/http/api.ts"
import { createGate } from "../../../src/edge/http/guards.ts"
import { held } from "../../support/described.ts"
import { openRooms } from "../../support/rooms.ts"

function open() {
  const house = openRooms()
  const { rooms, reconcile, logger } = house
  house.now((tx) => {
    rooms.sessions.learn(tx, { id: "one", name: "The first" }, { materialized: true })
    const said = { turnId: "t", role: "user", type: "userMessage", status: "complete" } as const
    rooms.transcript.put(tx, "one", {
      ...said,
      messageId: "m",
      content: "a needle in hay",
      startedAt: 86_400_000,
    })
  })
  const gate = createGate({
    find: reconcile.find,
    known: rooms.sessions.find,
    deleted: rooms.tombstones.fault,
  })
  const door = { token: undefined, host: "127.0.0.1", allowedHosts: [], allowedOrigins: [] }
  const api = createApi({ rooms, gate, door, logger, reconcile } as unknown as Parameters<
    typeof createApi
  >[0])
  return async (query: string) => {
    const request = new Request(`http://127.0.0.1/api/search?${query}`, { headers: { host: "127.0.0.1" } })
    const response = await held(api).fetch(request, { address: "127.0.0.1" } as never)
    return { status: response?.status, body: await response?.json() }
  }
}

test("a hit names its session and shows where the words stand", async () => {
  const { status, body } = await open()("q=needle&from=1970-01-02&to=1970-01-03T00:00:00Z&role=user,system")
  expect(status).toBe(200)
  expect(body).toEqual({
    data: [
      {
        sessionId: "one",
        title: "The first",
        projectId: null,
        archived: false,
        messageId: "m",
        turnId: "t",
        role: "user",
        type: "userMessage",
        status: "complete",
        at: "1970-01-02T00:00:00.000Z",
        snippet: { text: "a needle in hay", marks: [[2, 6]], in: "content" },
      },
    ],
    ranking: "relevance",
    matches: 1,
    bounded: false,
    pending: 0,
    nextCursor: null,
  })
})

test.each([
  "",
  "q=",
  "q=%20",
  "q=a&limit=0",
  "q=a&limit=201",
  "q=a&from=yesterday",
  "q=a&to=2026-13-45",
  "q=a&from=99999999999999999",
  "q=a&includeSystemOwned=1",
  "q=a&role=,",
  "q=a&cursor=%00",
  "q=a&cursor=cmVsZXZhbmNlLzEvMS41",
])("400 for %p", async (query) => {
  expect(await open()(query)).toMatchObject({ status: 400, body: { code: "invalid_request" } })
})

test("an endless question is 400", async () => {
  expect(await open()(`q=${"a".repeat(1_001)}`)).toMatchObject({ status: 400 })
})

test.each(["q=%22", "q=%00%00", "q=%F0%9F%99%82", "q=%ff", "q=(((", "q=a*&from=0&to=0", "q=tags:hidden"])(
  "no question is an error: %p",
  async (query) => {
    expect(await open()(query)).toMatchObject({ status: 200, body: { data: [] } })
  },
)
