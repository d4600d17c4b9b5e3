// The usage ledger over real SQLite: differences of the app-server's counts, as it tells them, and sums of them.

import { describe, expect, test } from "bun:test"
import { type OpenRooms, openRooms, said } from "../../support/rooms.ts"

const DAY = 86_400_000

const counts = (input: number, output = 0) => ({
  totalTokens: input + output,
  inputTokens: input,
  cachedInputTokens: 0,
  outputTokens: output,
  reasoningOutputTokens: 0,
})

function open() {
  const house = openRooms()
  const { rooms, ingest } = house
  house.now((tx) => {
    for (const id of ["a", "b"]) rooms.sessions.learn(tx, { id, model: "gpt" }, { materialized: true })
  })
  const take = (method: string, params: unknown) => ingest.take([said(method, params)], "run")
  const begin = (threadId: string, id: string) =>
    take("turn/started", { threadId, turn: { id, status: "inProgress" } })
  const end = (threadId: string, id: string) =>
    take("turn/completed", { threadId, turn: { id, status: "completed" } })
  const report = (threadId: string, turnId: string, total: number, last = 0) =>
    take("thread/tokenUsage/updated", {
      threadId,
      turnId,
      tokenUsage: { total: counts(total), last: counts(last), modelContextWindow: 1 },
    })
  return { ...house, take, begin, end, report }
}

const sums = (house: OpenRooms, groupBy: string[] = [], more: object = {}) =>
  house.rooms.usage.sums({
    groupBy: groupBy as never,
    includeImported: false,
    limit: 100,
    offset: 0,
    ...more,
  })
const totals = (house: OpenRooms, groupBy: string[], more: object = {}) =>
  sums(house, groupBy, more).rows.map(({ of, total }) => [...Object.values(of), total])

describe("what is counted", () => {
  test("differences, once, however often the count is told; a call that was missed is in the next", () => {
    const house = open()
    house.begin("a", "t1")
    house.report("a", "t1", 100, 100)
    house.report("a", "t1", 100, 100)
    house.report("a", "t1", 250, 30)
    expect(totals(house, ["turn"])).toEqual([["a", "t1", 250]])
    house.end("a", "t1")
    house.begin("a", "t2")
    house.report("a", "t2", 250, 30)
    house.report("a", "t2", 251, 1)
    expect(totals(house, ["turn"])).toEqual([
      ["a", "t1", 250],
      ["a", "t2", 1],
    ])
  })

  test("what a thread had used elsewhere is not ours; what it uses from then on is", () => {
    const house = open()
    house.now((tx) => house.rooms.turns.settle(tx, { sessionId: "a", id: "old", status: "completed" }))
    house.begin("a", "t1")
    house.report("a", "t1", 900, 900)
    house.report("a", "t1", 950, 50)
    expect(sums(house).all?.total).toBe(50)
  })

  test("a smaller count: told again, begun anew, taken back elsewhere; never a negative sum", () => {
    const house = open()
    house.begin("a", "t1")
    house.report("a", "t1", 100, 100)
    house.begin("a", "t2")
    house.report("a", "t2", 300, 200)
    house.report("a", "t2", 100, 100)
    expect(sums(house).all?.total).toBe(300)
    // Behind t1 again: 7 more than then.
    house.report("a", "t3", 107, 7)
    expect(sums(house).all?.total).toBe(307)
    house.report("a", "t3", 20, 20)
    expect(sums(house).all?.total).toBe(327)
    house.report("a", "t3", 10, 3)
    expect(sums(house).all?.total).toBe(327)
    house.report("a", "t3", 12, 2)
    expect(sums(house).all?.total).toBe(329)
  })

  test("a thread that was reverted goes back with its count, whatever comes then", async () => {
    const house = open()
    for (const [turn, total, last] of [
      ["t1", 100, 100],
      ["t2", 300, 200],
    ] as const) {
      house.begin("a", turn)
      house.report("a", turn, total, last)
      house.end("a", turn)
    }
    await house.settle(house.rooms.turns.rollback("a", 1))
    house.begin("a", "t3")
    house.report("a", "t3", 1_100, 1_000)
    expect(sums(house).all?.total).toBe(1_300)
  })

  test("odd numbers are nothing, and odd reports break nothing", () => {
    const house = open()
    house.begin("a", "t1")
    const odd = { ...counts(5), inputTokens: -4, outputTokens: 1.5, cachedInputTokens: "9" }
    house.take("thread/tokenUsage/updated", {
      threadId: "a",
      turnId: "t1",
      tokenUsage: { total: odd, last: odd },
    })
    expect(sums(house).all).toMatchObject({ total: 5, input: 0, output: 0, cached: 0 })
    house.report("a", "t1", 10, 5)
    expect(sums(house).all?.total).toBe(10)
    house.take("thread/tokenUsage/updated", { threadId: "a", tokenUsage: null })
    house.take("thread/tokenUsage/updated", { tokenUsage: { total: counts(5) } })
    expect(sums(house).all?.total).toBe(10)
  })
})

describe("sums", () => {
  test("by session, project, model, turn and day, of a time, and of several at once", () => {
    const house = open()
    house.now((tx) => house.rooms.sessions.change(tx, "b", { projectId: "p" }))
    const today = new Date(house.clock.now()).toISOString().slice(0, 10)
    const tomorrow = new Date(house.clock.now() + DAY).toISOString().slice(0, 10)
    house.begin("a", "t1")
    house.report("a", "t1", 1, 1)
    house.take("model/rerouted", {
      threadId: "a",
      turnId: "t1",
      fromModel: "gpt",
      toModel: "mini",
      reason: "x",
    })
    house.report("a", "t1", 3, 2)
    house.begin("b", "t2")
    house.report("b", "t2", 10, 10)
    house.clock.turn(DAY)
    house.report("b", "t2", 110, 100)
    expect(totals(house, ["session"])).toEqual([
      ["a", 3],
      ["b", 110],
    ])
    expect(totals(house, ["project"])).toEqual([
      [null, 3],
      ["p", 110],
    ])
    expect(totals(house, ["model"])).toEqual([
      ["gpt", 111],
      ["mini", 2],
    ])
    expect(totals(house, ["day"])).toEqual([
      [today, 13],
      [tomorrow, 100],
    ])
    expect(totals(house, ["day", "model"], { to: today })).toEqual([
      [today, "gpt", 11],
      [today, "mini", 2],
    ])
    expect(totals(house, ["session"], { from: tomorrow })).toEqual([["b", 100]])
    expect(totals(house, ["session"], { projectId: "p", model: "gpt" })).toEqual([["b", 110]])
    expect(sums(house, ["session"], { limit: 1 })).toMatchObject({
      more: true,
      all: { total: 113, calls: 4 },
    })
  })

  test("of a deleted session the sums of its days, models and project stay, and nothing that names it", async () => {
    const house = open()
    house.now((tx) => house.rooms.sessions.change(tx, "b", { projectId: "p" }))
    house.begin("b", "t2")
    house.report("b", "t2", 10, 10)
    await house.settle(house.life.remove("b"))
    house.begin("a", "t1")
    house.report("a", "t1", 1, 1)
    expect(totals(house, ["session"])).toEqual([
      [null, 10],
      ["a", 1],
    ])
    expect(totals(house, ["project"])).toEqual([
      [null, 1],
      ["p", 10],
    ])
    expect(totals(house, ["turn"], { sessionId: "b" })).toEqual([])
    for (const table of ["usage", "usage_counts"])
      expect(house.db.get(`SELECT count(*) AS n FROM ${table} WHERE session_id = 'b'`)).toEqual({ n: 0 })
  })
})
