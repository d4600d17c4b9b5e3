import { expect, setDefaultTimeout, test } from "bun:test"
import fc from "fast-check"
import { type Entry, spokenOf } from "../../src/domain/transcript/entry.ts"
import { plainEntry } from "../../src/domain/transcript/transcript.ts"
import { threadText } from "../../src/domain/turns/thread.ts"
import { openRooms, said } from "../support/rooms.ts"

// A failure net for properties on a busy machine.
setDefaultTimeout(60_000)

const turn = (id: string, status = "inProgress") => ({ threadId: "t", turn: { id, status } })
const start = () => {
  const house = openRooms()
  house.ingest.take([said("thread/started", { thread: { id: "t" } }), said("turn/started", turn("u"))], "run")
  return house
}
const message = (id: string, text: string) => ({ type: "agentMessage", id, text })
const read = async (house: ReturnType<typeof start>) =>
  (await house.settle(house.rooms.transcript.read("t"))).map(plainEntry)

test("items become entries as the contract maps them", () => {
  const input = [
    { type: "text", text: " hi " },
    { type: "image", url: "http://x/y.png" },
    { type: "localImage", path: "/a.png" },
    { type: "odd" },
  ]
  expect(spokenOf({ type: "userMessage", id: "1", content: input })).toEqual({
    role: "user",
    content: "hi \n[image] http://x/y.png\n[localImage] /a.png\n[odd]",
  })
  expect(spokenOf({ type: "agentMessage", id: "1", text: "yes" })).toEqual({
    role: "assistant",
    content: "yes",
  })
  const change = { type: "fileChange", id: "1", status: "completed", changes: [{ path: "a" }] }
  expect(spokenOf(change)).toEqual({
    role: "system",
    content: "File change completed: 1 change",
    details: JSON.stringify(change, null, 2),
  })
  expect(spokenOf({ type: "somethingNew", id: "1" }).content).toBe("[somethingNew]")
})

test("a row from outside under a made-up id vanishes where an entry with an id of its own says the same (§9.1, 21)", async () => {
  const house = start()
  const done = (item: object) =>
    house.ingest.take([said("item/completed", { threadId: "t", turnId: "u", item })], "run")
  const about = { turnId: "u", role: "system", type: "note", status: "complete" } as const
  const say = (messageId: string, more: Partial<Entry>) =>
    house.now((tx) => house.rooms.transcript.say(tx, "t", { ...about, messageId, content: "", ...more }))
  const spoken = { role: "assistant", type: "agentMessage" } as const
  const thought = { type: "reasoning", id: "r", summary: ["because"] }
  // While the turn runs: after its twin, and before it.
  done(message("m", "It is  done."))
  say("item-1", { ...spoken, content: "It is done. " })
  say("item-2", { type: "reasoning", content: "another text" })
  done(thought)
  say("ITEM-3", { content: "told here", details: "{}" })
  say("note", { content: "told there", details: "{}" })
  say("item-4", { ...spoken, content: "Something else." })
  say("item-5", { content: "It is done." })
  say("item-6", { ...spoken, turnId: "other", content: "It is done." })
  say("item-x", { ...spoken, content: "It is done." })
  house.ingest.take([said("turn/completed", turn("u", "completed"))], "run")
  const ids = async () => (await read(house)).map(({ messageId }) => messageId)
  const shown = ["item-4", "item-5", "item-6", "item-x", "m", "note", "r"]
  expect((await ids()).sort()).toEqual(shown)
  // One that comes when all is over; the same again changes nothing; another text makes it an entry of its own.
  say("item-7", { content: "told here too", details: "{}" })
  say("item-1", { ...spoken, content: "It is done." })
  expect((await ids()).sort()).toEqual(shown)
  expect(
    house.rooms.search.search({ q: '"told here too"', includeSystemOwned: false, limit: 9 }).matches,
  ).toBe(0)
  say("item-7", { content: "told anew", details: "[]" })
  expect((await ids()).sort()).toEqual([...shown, "item-7"].sort())
  // Codex's own words stay, whatever their id.
  done({ ...message("item-9", "It is done."), id: "item-9" })
  expect(await ids()).toContain("item-9")
})

test("streaming text is in the transcript at any moment, and whole at the end", async () => {
  const house = start()
  house.ingest.take([said("item/started", { threadId: "t", turnId: "u", item: message("m", "") })], "run")
  for (const delta of ["he", "ll", "o"]) {
    house.ingest.take(
      [said("item/agentMessage/delta", { threadId: "t", turnId: "u", itemId: "m", delta })],
      "run",
    )
  }
  expect(await read(house)).toMatchObject([{ messageId: "m", content: "hello", status: "streaming" }])
  house.ingest.take(
    [said("item/completed", { threadId: "t", turnId: "u", item: message("m", "hello!") })],
    "run",
  )
  expect(await read(house)).toMatchObject([{ content: "hello!", status: "complete", role: "assistant" }])
})

test("what streams when its turn ends is complete, canceled or an error, as the turn is", async () => {
  for (const [status, outcome] of [
    ["completed", "complete"],
    ["interrupted", "canceled"],
    ["failed", "error"],
  ]) {
    const house = start()
    house.ingest.take(
      [
        said("item/started", { threadId: "t", turnId: "u", item: message("m", "") }),
        said("item/agentMessage/delta", { threadId: "t", turnId: "u", itemId: "m", delta: "half" }),
      ],
      "run",
    )
    house.ingest.take([said("turn/completed", turn("u", status))], "run")
    expect(await read(house)).toMatchObject([{ content: "half", status: outcome ?? "" }])
  }
})

test("an item told in a later turn stays in its own", async () => {
  const house = start()
  const item = { type: "commandExecution", id: "c", status: "inProgress", command: "sleep 1" }
  house.ingest.take([said("item/started", { threadId: "t", turnId: "u", item })], "run")
  house.ingest.take([said("turn/completed", turn("u", "completed")), said("turn/started", turn("v"))], "run")
  const done = { ...item, status: "completed", exitCode: 0 }
  house.ingest.take([said("item/completed", { threadId: "t", turnId: "v", item: done })], "run")
  expect(await read(house)).toMatchObject([{ messageId: "c", turnId: "u", status: "complete" }])
})

test("the thread of a session has its turns and items as they were told", async () => {
  const house = start()
  const item = { type: "agentMessage", id: "m", text: "hö\u2028", phase: null }
  house.ingest.take([said("item/completed", { threadId: "t", turnId: "u", item })], "run")
  const error = { message: "no", codexErrorInfo: null }
  const end = { threadId: "t", turn: { id: "u", status: "failed", error, startedAt: 5, completedAt: 7 } }
  house.ingest.take([said("turn/completed", end)], "run")
  const { items } = house.rooms.transcript.joined("t", true)
  const turns = house.rooms.turns.list("t")
  const thread = JSON.parse(threadText({ thread: '{"id":"t"}', turns, items, fresh: { preview: "p" } }))
  expect(thread).toMatchObject({
    id: "t",
    preview: "p",
    turns: [{ id: "u", status: "failed", error, items: [item] }],
  })
})

test("rows of turns that nobody runs come after everything, in the order of their first row", async () => {
  const house = start()
  const row = (messageId: string, turnId: string): Entry => ({
    messageId,
    turnId,
    role: "system",
    type: "x",
    content: messageId,
    status: "complete",
  })
  house.now((tx) => {
    house.rooms.transcript.put(tx, "t", row("a", "u"))
    house.rooms.transcript.put(tx, "t", row("b", "elsewhere"))
    house.rooms.transcript.put(tx, "t", row("c", "u"))
    house.rooms.transcript.put(tx, "t", row("d", "elsewhere"))
  })
  expect((await read(house)).map((e) => e.messageId)).toEqual(["a", "c", "b", "d"])
})

test("merging follows the contract: a terminal row is never reopened, times only widen", () => {
  const statuses = fc.constantFrom<Entry["status"]>("streaming", "complete", "canceled", "error")
  const entry = fc.record({
    status: statuses,
    content: fc.string({ maxLength: 4 }),
    details: fc.option(fc.string({ maxLength: 3 }), { nil: undefined }),
    startedAt: fc.option(fc.nat(100), { nil: undefined }),
    completedAt: fc.option(fc.nat(100), { nil: undefined }),
  })
  return fc.assert(
    fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 6 }), async (list) => {
      const house = start()
      const base = { messageId: "m", turnId: "u", role: "system", type: "x" } as const
      let model: Entry | undefined
      for (const next of list) {
        house.now((tx) => house.rooms.transcript.put(tx, "t", { ...base, ...next }))
        const reopens = model !== undefined && model.status !== "streaming" && next.status === "streaming"
        const startedAt = Math.min(model?.startedAt ?? Infinity, next.startedAt ?? Infinity)
        const completedAt = Math.max(model?.completedAt ?? -1, next.completedAt ?? -1)
        model = {
          ...base,
          status: reopens && model ? model.status : next.status,
          content: reopens && model ? model.content : next.content,
          details: reopens && model ? model.details : (next.details ?? model?.details),
          startedAt: startedAt === Infinity ? undefined : startedAt,
          completedAt: completedAt < 0 ? undefined : completedAt,
        }
        if (list[0] !== next && model.completedAt !== undefined && model.startedAt !== undefined) {
          model.completedAt = Math.max(model.completedAt, model.startedAt)
        }
      }
      expect(JSON.parse(JSON.stringify((await read(house))[0]))).toEqual(JSON.parse(JSON.stringify(model)))
    }),
    { numRuns: 200 },
  )
})
