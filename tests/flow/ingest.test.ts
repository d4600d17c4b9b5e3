import { expect, test } from "bun:test"
import { isDelta, threadOf, turnOf } from "../../src/flow/ingest/message.ts"
import { adopt } from "../../src/flow/ingest/past/history.ts"
import { settleThePast } from "../../src/flow/ingest/past/startup.ts"
import { asked, openRooms, said } from "../support/rooms.ts"

const turn = (id: string, status = "inProgress") => ({ threadId: "t", turn: { id, status } })
const message = (id: string, text: string) => ({ type: "agentMessage", id, text })
const start = () => {
  const house = openRooms()
  house.ingest.take([said("thread/started", { thread: { id: "t" } }), said("turn/started", turn("u"))], "run")
  return house
}
const rowsOf = async (house: ReturnType<typeof start>) => house.settle(house.rooms.transcript.read("t"))

test("thread and turn are found wherever a version puts them", () => {
  expect(threadOf({ threadId: "a", conversationId: "b" })).toBe("a")
  expect(threadOf({ conversationId: "b" })).toBe("b")
  expect(threadOf({ thread: { id: "c" } })).toBe("c")
  expect(threadOf({ threadId: 7 })).toBeNull()
  expect(turnOf({ turnId: "a" })).toBe("a")
  expect(turnOf({ turn: { id: "b" } })).toBe("b")
  expect(turnOf({ item: { turn_id: "c" } })).toBe("c")
  expect(turnOf({})).toBeNull()
})

test("deltas are known by their names", () => {
  const deltas = [
    "item/agentMessage/delta",
    "item/commandExecution/outputDelta",
    "codex/event/agent_message_delta",
  ]
  expect(deltas.map(isDelta)).toEqual([true, true, true])
  expect(["item/completed", "turn/diff/updated", "thread/tokenUsage/updated"].map(isDelta)).toEqual([
    false,
    false,
    false,
  ])
})

test("one read is one commit, told in the order of the lines", () => {
  const house = openRooms()
  const ticks: number[] = []
  house.log.onTold((events) => ticks.push(events.length))
  const methods = ["a/one", "b/two", "c/three"]
  house.ingest.take(
    methods.map((method) => said(method, { threadId: "t" })),
    "run",
  )
  expect(ticks).toEqual([3])
  expect(house.told.map((e) => JSON.parse(e.body).method)).toEqual(methods)
  expect(house.unknown).toEqual(methods)
})

test("a message that breaks its handler is passed on all the same, and breaks nothing beside it", () => {
  const house = start()
  const bad = said("item/completed", {
    threadId: "t",
    turnId: "u",
    item: { type: "agentMessage", id: "x\u0000", text: "" },
  })
  const broken = house.rooms.transcript.record
  house.rooms.transcript.record = (tx, id, live) => {
    if (live.item.id === "x\u0000") throw new Error("handler")
    return broken(tx, id, live)
  }
  const good = said("item/completed", { threadId: "t", turnId: "u", item: message("m", "fine") })
  house.ingest.take([good, bad, said("turn/completed", turn("u", "completed"))], "run")
  expect(house.told.slice(-3).map((e) => JSON.parse(e.body).method)).toEqual([
    "item/completed",
    "item/completed",
    "turn/completed",
  ])
  expect(house.lines.some((line) => line.includes("could not be taken in"))).toBe(true)
  expect(house.rooms.turns.active("t")).toBeUndefined()
})

test("only the end of the last item under way settles a thread", () => {
  const house = start()
  const settling: boolean[] = []
  const append = house.log.append
  house.log.append = (tx, event) => {
    settling.push(event.settles === true)
    return append(tx, event)
  }
  const at = (what: string, id: string) =>
    said(`item/${what}`, { threadId: "t", turnId: "u", item: message(id, "") })
  house.ingest.take(
    [at("started", "a"), at("started", "b"), at("completed", "a"), at("completed", "b")],
    "run",
  )
  expect(settling).toEqual([false, false, false, true])
})

test("a start after a kill gives back the text that was told, and settles what ran", async () => {
  const house = start()
  house.ingest.take([said("item/started", { threadId: "t", turnId: "u", item: message("m", "") })], "run")
  for (const delta of ["he", "llo"]) {
    house.ingest.take(
      [said("item/agentMessage/delta", { threadId: "t", turnId: "u", itemId: "m", delta })],
      "run",
    )
  }
  // The next life knows only what is in the database.
  house.rooms.transcript.silence("t")
  settleThePast(house)
  expect(await rowsOf(house)).toMatchObject([{ messageId: "m", content: "hello", status: "canceled" }])
  expect(house.rooms.turns.find("t", "u")?.status).toBe("interrupted")
})

test("history adds what we lack and never touches what we have", async () => {
  const house = start()
  const live = [
    said("item/completed", {
      threadId: "t",
      turnId: "u",
      item: { type: "userMessage", id: "uuid-1", content: [{ type: "text", text: "go" }] },
    }),
    said("item/completed", {
      threadId: "t",
      turnId: "u",
      item: { type: "commandExecution", id: "call-1", status: "completed", command: "ls" },
    }),
    said("item/completed", { threadId: "t", turnId: "u", item: message("msg-1", "done") }),
    said("turn/completed", turn("u", "completed")),
  ]
  house.ingest.take(live, "run")
  const before = await rowsOf(house)
  const history = [
    {
      id: "u",
      status: "inProgress",
      items: [
        { type: "userMessage", id: "item-1", content: [{ type: "text", text: "go" }] },
        { type: "agentMessage", id: "item-2", text: "done" },
      ],
    },
    { id: "before", status: "inProgress", items: [message("item-3", "from elsewhere")], startedAt: 5 },
  ]
  house.now((tx) => adopt(tx, house.rooms, "t", history))
  const after = await rowsOf(house)
  expect(after.slice(0, 3)).toEqual(before)
  expect(after.slice(3)).toMatchObject([{ messageId: "item-3", turnId: "before", content: "from elsewhere" }])
  expect(house.rooms.turns.find("t", "u")?.status).toBe("completed")
  expect(house.rooms.turns.find("t", "before")?.status).toBe("interrupted")
  house.now((tx) => adopt(tx, house.rooms, "t", history))
  expect(await rowsOf(house)).toEqual(after)
})

const big = (id: string) => message(id, "x".repeat(100_000))
const itemDone = (id: string) => said("item/completed", { threadId: "t", turnId: "u", item: big(id) })

test("what a full disk kept from being stored is told, and settled once there is room again", async () => {
  const house = start()
  house.ingest.take([said("item/started", { threadId: "t", turnId: "u", item: message("m", "") })], "run")
  house.fill()
  const told = house.told.length
  house.ingest.take([itemDone("big"), itemDone("m"), said("turn/completed", turn("u", "completed"))], "run")
  expect(house.told.slice(told).map((e) => [JSON.parse(e.body).method, e.stored])).toEqual([
    ["item/completed", false],
    ["item/completed", false],
    ["turn/completed", false],
  ])
  expect(house.rooms.turns.find("t", "u")?.status).toBe("inProgress")
  house.makeRoom()
  house.ingest.take([said("warning", { threadId: "t", message: "next" })], "run")
  expect(house.rooms.turns.find("t", "u")?.status).toBe("completed")
  expect((await rowsOf(house)).map((row) => [row.messageId, row.status])).toEqual([
    ["m", "complete"],
    ["big", "complete"],
  ])
})

test("on a full disk a session can still be read, with the text that streams", async () => {
  const house = start()
  house.ingest.take([said("item/started", { threadId: "t", turnId: "u", item: message("m", "") })], "run")
  house.fill()
  const delta = "y".repeat(100_000)
  house.ingest.take(
    [said("item/agentMessage/delta", { threadId: "t", turnId: "u", itemId: "m", delta })],
    "run",
  )
  expect((await rowsOf(house))[0]?.content).toBe(delta)
})

test("a request that can't be stored is refused at once", () => {
  const house = start()
  house.fill()
  const params = { threadId: "t", turnId: "u", command: "z".repeat(100_000) }
  house.ingest.take([asked(0, "item/commandExecution/requestApproval", params)], "run")
  expect(house.child.calls.at(-1)?.slice(0, 4)).toEqual(["refuse", "run", 0, -32603])
})

test("methods that no table knows are counted once each, with a thread or without, deltas too", () => {
  const house = start()
  house.ingest.take(
    [
      said("brand/new", { x: 1 }),
      said("brand/newDelta", { threadId: "t" }),
      said("constructor", { threadId: "t" }),
      said("codex/event/anything", { conversationId: "t" }),
      said("item/agentMessage/delta", { threadId: "t", turnId: "u", itemId: "m", delta: "" }),
      said("turn/diff/updated", { threadId: "t" }),
    ],
    "run",
  )
  expect(house.unknown).toEqual(["brand/new", "brand/newDelta", "constructor"])
})
