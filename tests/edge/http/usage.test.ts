// The usage route: its body, and that bad questions are 400.

import { expect, test } from "bun:test"
import { createApi } from "../../../src/edge/http/api.ts"
import { held } from "../../support/described.ts"
import { openRooms, said } from "../../support/rooms.ts"

function open() {
  const house = openRooms()
  house.now((tx) => house.rooms.sessions.learn(tx, { id: "a", model: "gpt" }, { materialized: true }))
  const total = {
    totalTokens: 12,
    inputTokens: 10,
    cachedInputTokens: 4,
    outputTokens: 2,
    reasoningOutputTokens: 1,
  }
  house.ingest.take(
    [
      said("turn/started", { threadId: "a", turn: { id: "t", status: "inProgress" } }),
      said("thread/tokenUsage/updated", { threadId: "a", turnId: "t", tokenUsage: { total, last: total } }),
    ],
    "run",
  )
  const door = { token: undefined, host: "127.0.0.1", allowedHosts: [], allowedOrigins: [] }
  const gate = () => () => {}
  const { rooms, logger } = house
  const api = createApi({ rooms, gate, door, logger } as unknown as Parameters<typeof createApi>[0])
  return async (query: string) => {
    const request = new Request(`http://127.0.0.1/api/usage?${query}`, { headers: { host: "127.0.0.1" } })
    const response = await held(api).fetch(request, { address: "127.0.0.1" } as never)
    return { status: response?.status, body: await response?.json() }
  }
}

test("rows name what they are grouped by; the total is of all pages", async () => {
  const sum = {
    calls: 1,
    totalTokens: 12,
    inputTokens: 10,
    cachedInputTokens: 4,
    cacheWriteInputTokens: 0,
    outputTokens: 2,
    reasoningOutputTokens: 1,
  }
  expect(await open()("groupBy=turn,model")).toEqual({
    status: 200,
    body: {
      groupBy: ["turn", "model"],
      data: [{ sessionId: "a", turnId: "t", model: "gpt", ...sum }],
      total: sum,
      nextOffset: null,
    },
  })
})

test.each([
  "groupBy=",
  "groupBy=moon",
  "groupBy=day,",
  "from=2026-02-30",
  "from=yesterday",
  "to=1",
  "limit=0",
  "limit=1001",
  "offset=-1",
  "includeImported=yes",
])("400 for %p", async (query) => {
  expect(await open()(query)).toMatchObject({ status: 400, body: { code: "invalid_request" } })
})
