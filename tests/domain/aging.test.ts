// Turns that have grown too old: whole ones go, from the beginning, with what search knows of them; nothing brings them back.

import { expect, test } from "bun:test"
import { createLanes } from "../../src/base/kit/lanes.ts"
import { TIMERS } from "../../src/base/kit/timers.ts"
import { createAging } from "../../src/domain/turns/aging/aging.ts"
import { adopt } from "../../src/flow/ingest/past/history.ts"
import { openRooms, said } from "../support/rooms.ts"

const DAY = 86_400_000

function open(maxAgeMs = DAY) {
  const house = openRooms()
  const { rooms, db, log, clock } = house
  house.now((tx) => rooms.sessions.learn(tx, { id: "s" }, { materialized: true }))
  const lanes = createLanes()
  const aging = createAging({
    db,
    log,
    clock,
    lanes,
    maxAgeMs,
    onFault: (error) => void house.faults.push(error),
  })
  const tell = (method: string, params: object) =>
    house.ingest.take([said(method, { threadId: "s", ...params })], "run")
  const begin = (id: string) => tell("turn/started", { turn: { id, status: "inProgress", items: [] } })
  const item = (turnId: string, id: string, text: string) =>
    tell("item/completed", { turnId, item: { type: "agentMessage", id, text } })
  const end = (id: string) => tell("turn/completed", { turn: { id, status: "completed", items: [] } })
  const run = (id: string, texts: string[]) => {
    begin(id)
    for (const [n, text] of texts.entries()) item(id, `${id}-${n}`, text)
    end(id)
  }
  const page = (sessionId = "s") => {
    const read = JSON.parse(rooms.transcript.page(sessionId, { limit: 1_000 }) ?? "null")
    return { ...read, ids: read.entries.map(({ messageId }: { messageId: string }) => messageId) }
  }
  return { ...house, aging, tell, begin, item, end, run, page, prune: () => house.settle(aging.prune()) }
}
const count = ({ db }: Pick<ReturnType<typeof open>, "db">, table: string) =>
  Number(db.get(`SELECT count(*) AS n FROM ${table}`)?.n)

test("a turn that ended too long ago goes with its words, is said to be gone, and moves the session's revision", async () => {
  const house = open()
  const { rooms, clock } = house
  const ended = clock.now()
  house.run("old", ["zebra", "lion"])
  const { head } = house.page()
  clock.turn(DAY)
  house.run("new", ["zebra again"])
  await house.prune()
  expect([house.page().ids, house.page().droppedBefore]).toEqual([["old-0", "old-1", "new-0"], null])
  clock.turn(1)
  const before = rooms.sessions.revision("s")
  expect(count(house, "search_docs") + count(house, "search_pending")).toBe(3)
  await house.prune()
  const page = house.page()
  expect([page.ids, page.droppedBefore]).toEqual([["new-0"], new Date(ended).toISOString()])
  expect(count(house, "search_docs") + count(house, "search_pending")).toBe(1)
  expect(rooms.sessions.revision("s")).not.toBe(before)
  expect(rooms.turns.list("s").map(({ id }) => id)).toEqual(["new"])
  const since = JSON.parse(rooms.transcript.since("s", head))
  expect([since.whole, since.entries.length, since.droppedBefore]).toEqual([true, 1, page.droppedBefore])
  const after = rooms.sessions.revision("s")
  await house.prune()
  expect(rooms.sessions.revision("s")).toBe(after)
  expect(house.faults).toEqual([])
})

test("a long turn goes in several acts, each of them told as it is", async () => {
  const house = open()
  const texts = Array.from({ length: 450 }, (_, n) => `word ${n}`)
  house.run("old", texts)
  house.clock.turn(DAY + 1)
  const seen: [number, boolean][] = []
  const { db } = house
  const act: typeof db.act = async (fn) => {
    const result = await db.act(fn)
    seen.push([house.page().ids.length, house.page().droppedBefore !== null])
    return result
  }
  const aging = createAging({
    ...house,
    db: { ...db, act },
    lanes: createLanes(),
    maxAgeMs: DAY,
    onFault() {},
  })
  await house.settle(aging.prune())
  const steps = seen.filter(([n], at) => n !== seen[at - 1]?.[0])
  expect(steps).toEqual([
    [450, false],
    [250, true],
    [50, true],
    [0, true],
  ])
})

test("nothing goes of a session in which something runs or waits, nor out of its order, nor unasked", async () => {
  const house = open()
  house.run("old", ["a"])
  house.begin("runs")
  house.item("runs", "runs-0", "b")
  house.clock.turn(2 * DAY)
  await house.prune()
  expect(house.page().ids).toEqual(["old-0", "runs-0"])
  house.end("runs")
  house.now((tx) =>
    tx.run(
      `INSERT INTO requests (id, kind, method, session_id, run_id, rpc_id, summary, params, created_at, state)
       VALUES ('r', 'approval', 'm', 's', 'run', '1', '', '{}', 0, 'open')`,
    ),
  )
  await house.prune()
  expect(house.page().ids).toEqual(["old-0", "runs-0"])
  house.now((tx) => tx.run("UPDATE requests SET state = 'decided'"))
  await house.prune()
  expect(house.page().ids).toEqual(["runs-0"])

  const unasked = open(0)
  unasked.run("old", ["a"])
  unasked.clock.turn(1_000 * DAY)
  await unasked.prune()
  expect(unasked.page().ids).toEqual(["old-0"])
})

test("Codex's own history brings nothing back, here or in a fork; what is new in it is taken over", async () => {
  const house = open()
  const { rooms, clock } = house
  const seconds = () => Math.floor(clock.now() / 1_000)
  const history = [
    { id: "made-up", items: [{ type: "enteredReviewMode", id: "r", review: "all" }] },
    { id: "old", status: "completed", items: [{ type: "agentMessage", id: "old-0", text: "a" }] },
  ]
  house.run("old", ["a"])
  clock.turn(2 * DAY)
  house.run("new", ["b"])
  await house.prune()
  const elsewhere = {
    id: "elsewhere",
    status: "completed",
    startedAt: seconds(),
    completedAt: seconds(),
    items: [{ type: "agentMessage", id: "e", text: "c" }],
  }
  house.now((tx) => adopt(tx, rooms, "s", [...history, { id: "new", items: [] }, elsewhere] as never))
  expect(house.page().ids).toEqual(["new-0", "e"])
  await house.settle(rooms.turns.fork("s"))
  house.now((tx) => adopt(tx, rooms, "fork-of-s", history as never))
  const { ids, droppedBefore } = house.page("fork-of-s")
  expect(ids.filter((id: string) => id.startsWith("old") || id === "r")).toEqual([])
  expect(ids).toContain("new-0")
  expect(droppedBefore).toBe(house.page().droppedBefore)
})

test("usage stays counted, and the cadence drops by itself until it is ended", async () => {
  const house = open()
  house.begin("old")
  house.tell("thread/tokenUsage/updated", {
    turnId: "old",
    tokenUsage: {
      total: {
        totalTokens: 9,
        inputTokens: 5,
        cachedInputTokens: 0,
        outputTokens: 4,
        reasoningOutputTokens: 0,
      },
      last: {
        totalTokens: 9,
        inputTokens: 5,
        cachedInputTokens: 0,
        outputTokens: 4,
        reasoningOutputTokens: 0,
      },
    },
  })
  house.item("old", "old-0", "a")
  house.end("old")
  const sums = () =>
    JSON.stringify(
      house.driver
        .prepare("SELECT name FROM sqlite_master WHERE name LIKE 'usage%' AND type = 'table'")
        .all()
        .map(({ name }) => house.driver.prepare(`SELECT * FROM ${name}`).all()),
    )
  const counted = sums()
  expect(counted).toContain("9")
  const acts = async () => {
    for (let n = 0; n < 10; n++) await house.settle(house.db.act(() => undefined))
  }
  house.aging.start()
  await acts()
  expect(house.page().ids).toEqual(["old-0"])
  house.clock.turn(DAY)
  await acts()
  house.clock.turn(TIMERS.agingMs)
  await acts()
  expect(house.page().ids).toEqual([])
  expect(sums()).toBe(counted)
  house.aging[Symbol.dispose]()
  house.run("later", ["b"])
  house.clock.turn(3 * DAY)
  await acts()
  expect(house.page().ids).toEqual(["later-0"])
})
