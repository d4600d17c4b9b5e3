// Reviews, compactions, phantoms, steering, interrupts and what is taken back, against a child that tells things in every
// order that the binaries were seen to use (decisions 16).

import { describe, expect, test } from "bun:test"
import { Fault } from "../../src/base/fault.ts"
import { TIMERS } from "../../src/base/kit/timers.ts"
import { createToldChild, openRooms, said } from "../support/rooms.ts"

const turn = (id: string, status = "inProgress") => ({ threadId: "t", turn: { id, status } })
const started = (id: string) => said("turn/started", turn(id))
const completed = (id: string, status = "completed") => said("turn/completed", turn(id, status))
const item = (turnId: string, type: string, more: object = {}) =>
  said("item/started", { threadId: "t", turnId, item: { type, id: `${type}-${turnId}`, ...more } })

const start = (child = createToldChild()) => {
  const house = openRooms(child)
  house.ingest.take([said("thread/started", { thread: { id: "t" } })], "run")
  return house
}
type House = ReturnType<typeof start>
const authors = (house: House, sessionId = "t") =>
  (
    JSON.parse(house.rooms.transcript.page(sessionId, { limit: 99 }) ?? "null") as {
      entries: { type: string; author?: string }[]
    }
  ).entries.map(({ type, author }) => [type, author])
const seen = (house: House) => house.rooms.turns.list("t").map(({ id, kind, status }) => [id, kind, status])

describe("a review has one turn, the one of its answer", () => {
  type Line = ReturnType<typeof said>
  const orders: Record<string, { before: Line[]; after: Line[] }> = {
    "0.105: its own id throughout": {
      before: [],
      after: [started("turn-1"), item("turn-1", "enteredReviewMode"), completed("turn-1")],
    },
    "0.169: items, then another id starts": {
      before: [],
      after: [
        item("turn-1", "enteredReviewMode"),
        started("other"),
        item("turn-1", "userMessage"),
        completed("turn-1"),
      ],
    },
    "the other id starts before the answer": {
      before: [started("other")],
      after: [item("turn-1", "enteredReviewMode"), completed("turn-1")],
    },
    "all of it before the answer": {
      before: [item("turn-1", "enteredReviewMode"), started("other"), completed("turn-1")],
      after: [],
    },
    "its end comes by the other id": {
      before: [item("turn-1", "enteredReviewMode"), started("other")],
      after: [completed("other")],
    },
    "the other id is only told by the end": { before: [], after: [completed("never told")] },
  }
  for (const [name, { before, after }] of Object.entries(orders)) {
    test(name, async () => {
      const child = createToldChild()
      const house = start(child)
      const begin = child.startReview
      child.startReview = async (review) => {
        if (before.length > 0) house.ingest.take(before, "run")
        return begin(review)
      }
      const review = house.rooms.turns.review("t", { delivery: "inline", target: {}, by: "client:bob" })
      expect(await house.settle(review)).toMatchObject({ turnId: "turn-1", reviewSessionId: "t" })
      for (const line of after) house.ingest.take([line], "run")
      expect(seen(house)).toEqual([["turn-1", "review", "completed"]])
      for (const [type, author] of authors(house))
        expect([type, author]).toEqual([type, type === "enteredReviewMode" ? "client:bob" : undefined])
    })
  }
})

test("a compaction opens with its first item where nothing starts it, and the answer waits for it", async () => {
  const child = createToldChild()
  const house = start(child)
  child.compactThread = async () => {
    queueMicrotask(() => house.ingest.take([item("c", "contextCompaction")], "run"))
    return {}
  }
  expect(await house.settle(house.rooms.turns.compact("t", "client:ann"))).toEqual({
    result: {},
    turnId: "c",
  })
  expect(seen(house)).toEqual([["c", "compact", "inProgress"]])
  house.ingest.take(
    [item("c", "agentMessage"), completed("c"), started("d"), item("d", "contextCompaction")],
    "run",
  )
  expect(authors(house)).toEqual([
    ["contextCompaction", "client:ann"],
    ["agentMessage", undefined],
    // Codex's own: nobody asked.
    ["contextCompaction", undefined],
  ])
})

test("a compaction whose child dies before it begins leaves no turn and no waiting caller", async () => {
  const child = createToldChild()
  const house = start(child)
  child.compactThread = async () => {
    const done = house.db.actNow((tx) =>
      house.acts.endRun(tx, { runId: "run", reason: "dead" }, (fn) => fn()),
    )
    expect(done.ok).toBe(true)
    return {}
  }
  expect(await house.settle(house.rooms.turns.compact("t"))).toEqual({ result: {}, turnId: undefined })
  expect(seen(house)).toEqual([])
})

test("a phantom behind a running turn ends with it, and is told", () => {
  const house = start()
  house.ingest.take([started("a"), item("a", "userMessage"), started("phantom")], "run")
  house.ingest.take([completed("a")], "run")
  expect(seen(house)).toEqual([
    ["a", "message", "completed"],
    ["phantom", "message", "completed"],
  ])
  const ends = house.told.filter((e) => e.body.includes("turn/completed")).map((e) => JSON.parse(e.body))
  expect(ends.map((e) => [e.params.turn.id, e.origin])).toContainEqual(["phantom", "codexd"])
})

test("what would break into a running turn is refused before the child is asked", async () => {
  const house = start()
  house.ingest.take([started("a")], "run")
  const { turns } = house.rooms
  for (const [method, act] of [
    ["thread/compact/start", () => turns.compact("t")],
    ["review/start", () => turns.review("t", { delivery: "inline", target: {} })],
    ["thread/rollback", () => turns.rollback("t", 1)],
  ] as const) {
    await expect(house.settle<unknown>(act())).rejects.toMatchObject({
      code: "invalid_state",
      details: { method, sessionId: "t" },
    })
  }
  expect(house.child.calls).toEqual([])
})

describe("steering exactly one turn", () => {
  const refused = (code: string) => ({
    code: code === "failed" ? "steer_failed" : "steer_refused",
    details: { code },
  })

  test("is a conflict for one that is over or that nobody knows, not eligible for a review", async () => {
    const house = start()
    house.ingest.take([started("a"), completed("a"), started("r"), item("r", "enteredReviewMode")], "run")
    for (const id of ["a", "nobody"]) {
      await expect(house.settle(house.rooms.turns.steer("t", id, "x"))).rejects.toMatchObject(
        refused("conflict"),
      )
    }
    await expect(house.settle(house.rooms.turns.steer("t", "r", "x"))).rejects.toMatchObject(
      refused("not_eligible"),
    )
    expect(house.child.calls).toEqual([])
  })

  test("says what the child said", async () => {
    const child = createToldChild()
    const house = start(child)
    house.ingest.take([started("a"), item("a", "userMessage")], "run")
    for (const [fault, code] of [
      [new Fault("no_active_turn", "over"), "conflict"],
      [new Fault("turn_not_steerable", "no"), "not_eligible"],
      [new Fault("invalid_state", "something else"), "failed"],
    ] as const) {
      child.steerTurn = async () => {
        throw fault
      }
      await expect(house.settle(house.rooms.turns.steer("t", "a", "x"))).rejects.toMatchObject(refused(code))
    }
    child.steerTurn = async () => {
      throw new Fault("runtime_unavailable", "down")
    }
    await expect(house.settle(house.rooms.turns.steer("t", "a", "x"))).rejects.toMatchObject({
      code: "runtime_unavailable",
    })
  })
})

test("a review that has told its first item and can't be stopped yet is stopped at its next sign, or at none", async () => {
  for (const goesOn of [true, false]) {
    const child = createToldChild()
    const house = start(child)
    const begins = (type: string) =>
      said("item/started", { threadId: "t", turnId: "r", item: { type, id: type } })
    house.ingest.take([begins("enteredReviewMode")], "run")
    let asked = 0
    child.interruptTurn = async () => {
      if (++asked === 1) throw new Fault("no_active_turn", "no turn is running")
    }
    const stopped = house.rooms.turns.interrupt("t").catch((fault: Fault) => fault.code)
    await house.settle(Promise.race([stopped, new Promise((resolve) => setImmediate(resolve))]))
    expect(asked).toBe(1)
    if (goesOn) house.ingest.take([started("other"), begins("userMessage")], "run")
    else house.clock.turn(TIMERS.callDeadlineMs)
    expect(await house.settle(stopped)).toEqual(goesOn ? { turnId: "r" } : ("no_active_turn" as never))
    expect(asked).toBe(goesOn ? 2 : 1)
  }
})

test("an interrupt takes a review by either of its ids, and nothing else that the child runs", async () => {
  const child = createToldChild()
  const house = start(child)
  house.ingest.take([started("m"), completed("m")], "run")
  house.ingest.take([item("r", "enteredReviewMode"), started("other")], "run")
  const asked: boolean[][] = []
  child.interruptTurn = async ({ isSame }) => void asked.push(["other", "unknown", "m"].map(isSame))
  expect(await house.settle(house.rooms.turns.interrupt("t", "other"))).toEqual({ turnId: "r" })
  expect(await house.settle(house.rooms.turns.interrupt("t", "r"))).toEqual({ turnId: "r" })
  expect(asked).toEqual([
    [true, true, false],
    [true, true, false],
  ])
})

describe("what is taken back", () => {
  const three = () => {
    const house = start()
    for (const id of ["a", "b", "c"]) {
      const message = { type: "userMessage", id: `m-${id}`, content: [{ type: "text", text: id }] }
      house.ingest.take(
        [started(id), said("item/completed", { threadId: "t", turnId: id, item: message }), completed(id)],
        "run",
      )
    }
    return house
  }

  test("leaves the turns and the transcript, says so in a row, and never comes back by itself", async () => {
    const house = three()
    const { turns, transcript } = house.rooms
    expect(await house.settle(turns.rollback("t", 2, "client:ann"))).toMatchObject({
      via: "thread/revert",
      turnIds: ["b", "c"],
    })
    expect(house.child.calls.at(-1)).toEqual([
      "takeBack",
      "t",
      [
        { ids: ["b"], kind: "message" },
        { ids: ["c"], kind: "message" },
      ],
    ])
    house.ingest.take([completed("c"), item("c", "agentMessage", { text: "late" })], "run")
    expect(seen(house).map(([id]) => id)).toEqual(["a"])
    const rows = await transcript.read("t")
    expect(rows.map(({ type, content }) => [type, content])).toEqual([
      ["userMessage", "a"],
      ["thread.rolledBack", "2 turns were taken back (thread/revert)"],
    ])
    expect(authors(house)).toEqual([
      ["userMessage", undefined],
      ["thread.rolledBack", "client:ann"],
    ])
    house.ingest.take([started("d"), completed("d")], "run")
    expect(seen(house).map(([id]) => id)).toEqual(["a", "d"])
  })

  test("is all there is when more is asked for, and nothing when the child refuses", async () => {
    const house = three()
    const { turns } = house.rooms
    house.child.takeBack = async () => {
      throw new Fault("invalid_state", "no")
    }
    await expect(house.settle(turns.rollback("t", 1))).rejects.toMatchObject({ code: "invalid_state" })
    expect(seen(house)).toHaveLength(3)
    house.child.takeBack = createToldChild().takeBack
    expect(await house.settle(turns.rollback("t", 9))).toMatchObject({ turnIds: ["a", "b", "c"] })
    expect(seen(house)).toEqual([])
    await expect(house.settle(turns.rollback("t", 1))).rejects.toMatchObject({ code: "invalid_state" })
  })
})

test("a fork has what has ended, under the same ids, and its source's controls and tools; it is told once", async () => {
  const house = start()
  house.ingest.take(
    [started("a"), item("a", "userMessage", { content: [] }), completed("a"), started("b")],
    "run",
  )
  house.now((tx) => {
    house.rooms.sessions.change(tx, "t", { materialized: true, dynamicTools: "[1]" })
    house.rooms.controls.stick(tx, "t", { approvalPolicy: "never" })
  })
  const { session, thread } = await house.settle(house.rooms.turns.fork("t", "client:bob"))
  expect(thread.id).toBe("fork-of-t")
  expect(session).toMatchObject({ sessionId: "fork-of-t", approvalPolicy: "never", materialized: true })
  expect(house.rooms.turns.list("fork-of-t").map(({ id }) => id)).toEqual(["a"])
  expect((await house.rooms.transcript.read("fork-of-t")).map(({ type }) => type)).toEqual([
    "userMessage",
    "thread.forked",
  ])
  expect(authors(house, "fork-of-t")).toEqual([
    ["userMessage", undefined],
    ["thread.forked", "client:bob"],
  ])
  expect(house.rooms.sessions.find("fork-of-t")?.dynamicTools).toBe("[1]")
  expect(house.told.filter((e) => e.type === "session.created").map((e) => e.thread)).toEqual(["fork-of-t"])
})

test("tools with a message: the same in any order pass, others restart an untouched session and are refused later", async () => {
  const house = start()
  const tool = (name: string) => ({ name, description: "", inputSchema: { type: "object", properties: {} } })
  const turned = (name: string) => ({
    inputSchema: { properties: {}, type: "object" },
    description: "",
    name,
  })
  house.now((tx) =>
    house.rooms.sessions.change(tx, "t", { dynamicTools: JSON.stringify([tool("a"), tool("b")]) }),
  )
  const send = (names: object[]) =>
    house.settle(house.rooms.turns.send("t", { text: "x", dynamicTools: names }))
  house.child.restartThread = async (id, _controls, tools) => {
    house.child.calls.push(["restart", id])
    house.now((tx) => house.rooms.sessions.change(tx, "t", { dynamicTools: JSON.stringify(tools) }))
  }
  await send([tool("c")])
  await send([turned("c")])
  expect(house.child.calls.map(([what]) => what)).toEqual(["restart", "load", "start", "steer"])
  await expect(send([tool("a")])).rejects.toMatchObject({
    code: "dynamic_tools_fixed",
    details: { kept: ["c"], asked: ["a"] },
  })
  await expect(send([])).rejects.toMatchObject({ code: "dynamic_tools_fixed" })
})
