// Prompts: what waits is sent once, in order, or says honestly that nobody knows (decisions 16, 17).

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import fc from "fast-check"
import { Fault } from "../../src/base/fault.ts"
import type { StartTurn } from "../../src/domain/turns/child.ts"
import { moved, type PromptMove, type PromptState } from "../../src/domain/turns/prompts/prompt.ts"
import { createToldChild, openRooms, said } from "../support/rooms.ts"

// A failure net for properties on a busy machine.
setDefaultTimeout(60_000)

const turn = (id: string, status = "inProgress") => ({ threadId: "t", turn: { id, status } })
const start = (child = createToldChild()) => {
  const house = openRooms(child)
  house.ingest.take([said("thread/started", { thread: { id: "t" } })], "run")
  return house
}
type House = ReturnType<typeof start>

const end = (house: House, id: string) =>
  house.ingest.take([said("turn/completed", turn(id, "completed"))], "run")
const texts = (house: House) =>
  house.child.calls.flatMap(([what, given]) => (what === "start" ? (given as StartTurn).text : []))
const states = (house: House) =>
  house.rooms.turns.prompts.list("t", { all: true }).map((p) => [p.text, p.state])

/** Lets everything that follows from what was done happen. */
async function quiet(house: House): Promise<void> {
  for (let round = 0; round < 40; round++) {
    house.clock.turn(0)
    await Promise.resolve()
  }
  await house.settle(new Promise<void>((done) => queueMicrotask(done)))
}

const send = (house: House, text: string, more: object = {}) =>
  house.settle(house.rooms.turns.send("t", { text, ...more }))

describe("a message while the session is busy", () => {
  test("waits with whenBusy queue, and goes when the turn ends", async () => {
    const house = start()
    await send(house, "first")
    const sent = await send(house, "second", { whenBusy: "queue" })
    expect(sent.queued).toBe(true)
    expect(texts(house)).toEqual(["first"])
    end(house, "turn-1")
    await quiet(house)
    expect(texts(house)).toEqual(["first", "second"])
    expect(house.rooms.turns.prompts.list("t", { all: true })).toMatchObject([
      { promptId: sent.turnId, state: "accepted", turnId: "turn-2", position: null },
    ])
    expect(
      house.told.filter((e) => e.type === "session.prompt_updated").map((e) => JSON.parse(e.body).state),
    ).toEqual(["queued", "dispatched", "accepted"])
  })

  test("waits for the end of a review and of a compaction, whatever it asked for but to be rejected", async () => {
    for (const kind of ["review", "compact"] as const) {
      const house = start()
      const opened =
        kind === "review"
          ? house.rooms.turns.review("t", { delivery: "inline", target: {} })
          : house.rooms.turns.compact("t")
      if (kind === "compact") {
        house.child.compactThread = async () => {
          house.ingest.take(
            [
              said("item/started", {
                threadId: "t",
                turnId: "compact-1",
                item: { type: "contextCompaction", id: "c" },
              }),
            ],
            "run",
          )
          return {}
        }
      }
      await house.settle(opened)
      await expect(send(house, "x", { whenBusy: "reject" })).rejects.toMatchObject({ code: "turn_busy" })
      expect(await send(house, "kept")).toMatchObject({ queued: true })
      expect(texts(house)).toEqual([])
      end(house, kind === "review" ? "turn-1" : "compact-1")
      await quiet(house)
      expect(texts(house)).toEqual(["kept"])
      expect(house.rooms.turns.list("t").map((t) => t.kind)).toEqual([kind, "message"])
    }
  })

  test("that the child says can't be joined is kept, not lost", async () => {
    const child = createToldChild()
    child.steerTurn = async () => {
      throw new Fault("turn_not_steerable", "cannot steer a review turn")
    }
    const house = start(child)
    house.ingest.take([said("turn/started", turn("u"))], "run")
    expect(await send(house, "kept")).toMatchObject({ queued: true })
  })

  test("goes behind what was queued before it", async () => {
    const child = createToldChild()
    const house = start(child)
    const load = child.loadThread
    child.loadThread = async () => {
      throw new Fault("runtime_unavailable", "down")
    }
    await house.settle(house.rooms.turns.prompts.create({ sessionId: "t", text: "first", overrides: {} }))
    await quiet(house)
    expect(states(house)).toEqual([["first", "queued"]])
    child.loadThread = load
    expect(await send(house, "second")).toMatchObject({ turnId: "turn-1" })
    expect(texts(house)).toEqual(["first"])
    expect(child.calls.at(-1)).toEqual(["steer", "t", "turn-1", "second"])
  })
})

describe("what was handed to a child that died", () => {
  const dying = (tracked: boolean) => {
    const child = createToldChild()
    child.tellsClientIds = () => tracked
    child.startTurn = async (given: StartTurn) => {
      child.calls.push(["start", given])
      throw new Fault("runtime_unavailable", "the child is gone", { delivered: "unknown" })
    }
    return child
  }
  const again = (child: ReturnType<typeof createToldChild>) => {
    let count = 10
    child.startTurn = async (given: StartTurn) => {
      child.calls.push(["start", given])
      return { turnId: `turn-${++count}`, runId: "run" }
    }
  }

  test("is in doubt where the binary tells no ids, and goes again only by a person's word", async () => {
    const child = dying(false)
    const house = start(child)
    const { promptId } = await house.settle(
      house.rooms.turns.prompts.create({ sessionId: "t", text: "once", overrides: {} }),
    )
    await quiet(house)
    expect(states(house)).toEqual([["once", "indeterminate"]])
    again(child)
    house.rooms.turns.resume()
    await quiet(house)
    expect(texts(house)).toEqual(["once"])
    await house.settle(house.rooms.turns.prompts.edit("t", promptId, { again: true }))
    await quiet(house)
    expect(texts(house)).toEqual(["once", "once"])
    expect(states(house)).toEqual([["once", "accepted"]])
  })

  test("is looked for where it does: found it is accepted, not found it is sent", async () => {
    for (const found of [true, false]) {
      const child = dying(true)
      const house = start(child)
      await house.settle(house.rooms.turns.prompts.create({ sessionId: "t", text: "once", overrides: {} }))
      await quiet(house)
      expect(states(house)).toEqual([["once", "dispatched"]])
      again(child)
      child.findMessage = async () => (found ? "turn-9" : undefined)
      house.rooms.turns.resume()
      await quiet(house)
      expect(texts(house)).toEqual(found ? ["once"] : ["once", "once"])
      expect(house.rooms.turns.prompts.list("t", { all: true })).toMatchObject([
        { state: "accepted", turnId: found ? "turn-9" : "turn-11" },
      ])
    }
  })

  test("is in doubt where the child has lost the thread: it blocks nothing, and is not sent again by itself", async () => {
    const child = dying(true)
    const house = start(child)
    await house.settle(house.rooms.turns.prompts.create({ sessionId: "t", text: "once", overrides: {} }))
    await quiet(house)
    again(child)
    child.findMessage = async () => {
      throw new Fault("not_found", "no rollout found for thread id t")
    }
    house.rooms.turns.resume()
    await quiet(house)
    expect(texts(house)).toEqual(["once"])
    expect(house.rooms.turns.prompts.list("t", { all: true })).toMatchObject([
      { state: "indeterminate", reason: "the app-server has lost the thread that the message was sent to" },
    ])
  })

  test("is accepted as soon as the child tells the message back", async () => {
    const house = start(dying(true))
    const { promptId } = await house.settle(
      house.rooms.turns.prompts.create({ sessionId: "t", text: "once", overrides: {} }),
    )
    await quiet(house)
    const item = { type: "userMessage", id: "m", clientId: promptId, content: [] }
    house.ingest.take([said("item/started", { threadId: "t", turnId: "u", item })], "run")
    expect(house.rooms.turns.prompts.list("t", { all: true })).toMatchObject([
      { state: "accepted", turnId: "u" },
    ])
  })
})

test("one that the child refuses says why, and the next one goes", async () => {
  const child = createToldChild()
  const house = start(child)
  const begin = child.startTurn
  child.startTurn = async (given: StartTurn) => {
    if (given.text === "bad") throw new Fault("invalid_params", "no such model")
    return begin(given)
  }
  await send(house, "running")
  await send(house, "bad", { whenBusy: "queue" })
  await send(house, "good", { whenBusy: "queue" })
  end(house, "turn-1")
  await quiet(house)
  expect(states(house)).toEqual([
    ["bad", "failed"],
    ["good", "accepted"],
  ])
  expect(house.rooms.turns.prompts.list("t", { all: false })).toMatchObject([{ reason: "no such model" }])
})

test("a move that is not in the table is not made", () => {
  const all: PromptState[] = ["queued", "dispatched", "accepted", "indeterminate", "failed", "canceled"]
  const moves: PromptMove[] = ["dispatch", "accept", "doubt", "fail", "return", "again", "cancel"]
  const made = all.flatMap((state) => moves.flatMap((move) => (moved(state, move) ? `${state} ${move}` : [])))
  expect(made.toSorted()).toEqual(
    [
      "queued dispatch",
      "queued cancel",
      "queued fail",
      "dispatched accept",
      "dispatched doubt",
      "dispatched fail",
      "dispatched return",
      "indeterminate accept",
      "indeterminate again",
      "indeterminate cancel",
      "failed again",
      "failed cancel",
    ].toSorted(),
  )
})

test("whatever happens, a message reaches the child at most once by itself, in order, and none is dropped in silence", async () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant("queue" as const), tracked: fc.boolean() }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constantFrom("end" as const, "ready" as const), which: fc.constant(0) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("next" as const),
        how: fc.constantFrom(
          "fine" as const,
          "down" as const,
          "refused" as const,
          "lost" as const,
          "lost-arrived" as const,
        ),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constantFrom("cancel" as const, "front" as const), which: fc.nat(5) }),
    },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const child = createToldChild()
      const arrived: string[] = []
      let how = "fine"
      let tracked = true
      let count = 0
      child.tellsClientIds = () => tracked
      child.findMessage = async (_thread, id) => (arrived.includes(id) ? `turn-of-${id}` : undefined)
      child.loadThread = async () => {
        if (how === "down") throw new Fault("runtime_unavailable", "down")
      }
      child.startTurn = async (given: StartTurn) => {
        if (how === "refused") throw new Fault("invalid_params", "refused")
        if (how !== "lost") arrived.push(given.clientId ?? "")
        if (how.startsWith("lost")) throw new Fault("runtime_unavailable", "lost", { delivered: "unknown" })
        return { turnId: `t${++count}`, runId: "run" }
      }
      const house = start(child)
      const { turns } = house.rooms
      const made = new Set<string>()
      for (const one of steps) {
        const rows = turns.prompts.list("t", { all: false })
        if (one.do === "queue") {
          tracked = one.tracked
          const row = await house.settle(
            turns.prompts.create({ sessionId: "t", text: `m${made.size}`, overrides: {} }),
          )
          made.add(row.promptId)
        } else if (one.do === "end") {
          const active = turns.active("t")
          if (active) end(house, active.id)
        } else if (one.do === "ready") {
          how = "fine"
          turns.resume()
        } else if (one.do === "next") how = one.how
        else {
          const row = rows[one.which]
          const change =
            one.do === "cancel"
              ? turns.prompts.cancel
              : (s: string, id: string) => turns.prompts.edit(s, id, { position: 0 })
          if (row) await house.settle(change("t", row.promptId)).catch(() => {})
        }
        await quiet(house)
        const positions = turns.prompts.list("t", { all: false }).flatMap((p) => p.position ?? [])
        expect(positions).toEqual(positions.map((_, at) => at))
      }
      how = "fine"
      tracked = true
      for (let round = 0; round <= made.size; round++) {
        turns.resume()
        await quiet(house)
        const active = turns.active("t")
        if (active) end(house, active.id)
        await quiet(house)
      }
      const last = turns.prompts.list("t", { all: true })
      expect(new Set(last.map((p) => p.promptId))).toEqual(made)
      expect(new Set(arrived).size).toBe(arrived.length)
      for (const row of last) {
        expect(["accepted", "failed", "canceled", "indeterminate"]).toContain(row.state)
        if (row.state === "accepted") expect(arrived).toContain(row.promptId)
        if (row.state === "canceled" && arrived.includes(row.promptId)) expect(row.reason).toBeTruthy()
        if (row.state === "failed") expect(arrived).not.toContain(row.promptId)
      }
      expect(house.faults).toEqual([])
    }),
    { numRuns: 60 },
  )
})
