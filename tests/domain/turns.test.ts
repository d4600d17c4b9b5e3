import { describe, expect, setDefaultTimeout, test } from "bun:test"
import fc from "fast-check"
import { Fault } from "../../src/base/fault.ts"
import { TIMERS } from "../../src/base/kit/timers.ts"
import { createToldChild, openRooms, said } from "../support/rooms.ts"

// A failure net for properties on a busy machine.
setDefaultTimeout(60_000)

const turn = (id: string, status = "inProgress") => ({ threadId: "t", turn: { id, status } })
const begun = (id: string) => ({ threadId: "t", turnId: id, item: { type: "userMessage", id: `of-${id}` } })
const start = (child = createToldChild()) => {
  const house = openRooms(child)
  house.ingest.take([said("thread/started", { thread: { id: "t" } })], "run")
  return house
}

describe("a message", () => {
  test("starts a turn with the session's controls, and its policies stick", async () => {
    const house = start()
    const sent = { text: "go", approvalPolicy: "never", filesystemSandbox: "workspace-write" } as const
    expect(await house.settle(house.rooms.turns.send("t", sent))).toEqual({ turnId: "turn-1" })
    expect(house.child.calls.map(([what]) => what)).toEqual(["load", "start"])
    expect(house.rooms.controls.of("t")).toMatchObject({
      approvalPolicy: "never",
      filesystemSandbox: "workspace-write",
      networkAccess: "restricted",
    })
    expect(house.rooms.turns.active("t")).toMatchObject({ id: "turn-1", status: "inProgress" })
  })

  test("joins the turn that runs", async () => {
    const house = start()
    house.ingest.take([said("turn/started", turn("u"))], "run")
    expect(await house.settle(house.rooms.turns.send("t", { text: "and" }))).toEqual({ turnId: "u" })
    expect(house.child.calls).toEqual([["steer", "t", "u", "and"]])
  })

  test("starts a turn when the one it would join is over by then", async () => {
    const child = createToldChild()
    child.steerTurn = async () => {
      throw new Fault("no_active_turn", "over")
    }
    const house = start(child)
    house.ingest.take([said("turn/started", turn("u")), said("item/started", begun("u"))], "run")
    expect(await house.settle(house.rooms.turns.send("t", { text: "and" }))).toEqual({ turnId: "turn-1" })
  })

  test("waits for a turn that was promised and has not begun, and joins it then", async () => {
    const child = createToldChild()
    let refusals = 0
    const house = start(child)
    child.steerTurn = async () => {
      if (refusals++ > 0) return
      queueMicrotask(() => house.ingest.take([said("item/started", begun("u"))], "run"))
      throw new Fault("no_active_turn", "not yet")
    }
    house.ingest.take([said("turn/started", turn("u"))], "run")
    expect(await house.settle(house.rooms.turns.send("t", { text: "and" }))).toEqual({ turnId: "u" })
    expect(house.child.calls).toEqual([])
  })

  test("starts a turn when the promised one ends without having begun", async () => {
    const child = createToldChild()
    const house = start(child)
    child.steerTurn = async () => {
      queueMicrotask(() => house.ingest.take([said("turn/completed", turn("u", "failed"))], "run"))
      throw new Fault("no_active_turn", "not yet")
    }
    house.ingest.take([said("turn/started", turn("u"))], "run")
    expect(await house.settle(house.rooms.turns.send("t", { text: "and" }))).toEqual({ turnId: "turn-1" })
  })

  test("whose turn ended before its answer came leaves nothing running", async () => {
    const child = createToldChild()
    const house = start(child)
    child.startTurn = async () => {
      house.ingest.take(
        [said("turn/started", turn("fast")), said("turn/completed", turn("fast", "completed"))],
        "run",
      )
      return { turnId: "fast", runId: "run" }
    }
    expect(await house.settle(house.rooms.turns.send("t", { text: "go" }))).toEqual({ turnId: "fast" })
    expect(house.rooms.turns.active("t")).toBeUndefined()
    expect(house.rooms.turns.find("t", "fast")?.status).toBe("completed")
  })

  test("two at once: the second joins the turn that the first opens", async () => {
    const house = start()
    const both = await Promise.all([
      house.settle(house.rooms.turns.send("t", { text: "one" })),
      house.settle(house.rooms.turns.send("t", { text: "two" })),
    ])
    expect(both).toEqual([{ turnId: "turn-1" }, { turnId: "turn-1" }])
    expect(house.child.calls.map(([what]) => what)).toEqual(["load", "start", "steer"])
  })

  test("that was acknowledged and that the child never told back is in the transcript when the turn is over", async () => {
    const house = start()
    const userMessage = (id: string, text: string) => ({
      threadId: "t",
      turnId: "turn-1",
      item: { type: "userMessage", id, content: [{ type: "text", text }] },
    })
    await house.settle(house.rooms.turns.send("t", { text: "same" }))
    await house.settle(house.rooms.turns.send("t", { text: "same" }))
    await house.settle(house.rooms.turns.send("t", { text: "other" }))
    house.ingest.take([said("item/completed", userMessage("u1", "same"))], "run")
    const contents = async () => (await house.rooms.transcript.read("t")).map(({ content }) => content)
    expect(await contents()).toEqual(["same"])
    house.now((tx) => house.acts.endRun(tx, { runId: "run", reason: "dead" }, () => {}))
    expect(await contents()).toEqual(["same", "same", "other"])
    expect((await house.rooms.transcript.read("t")).map(({ turnId }) => turnId)).toEqual(
      Array(3).fill("turn-1"),
    )
  })

  test("is not acknowledged when the app-server ended as the turn began, and leaves no turn running", async () => {
    const child = createToldChild()
    child.lives = () => false
    const house = start(child)
    const sent = house.settle(house.rooms.turns.send("t", { text: "go" }))
    await expect(sent).rejects.toMatchObject({ code: "runtime_unavailable" })
    expect(house.rooms.turns.list("t")).toEqual([])
  })

  test("is refused once the daemon drains", async () => {
    const house = start()
    house.rooms.turns.drain()
    const sent = house.settle(house.rooms.turns.send("t", { text: "go" }))
    await expect(sent).rejects.toMatchObject({ code: "shutting_down" })
  })

  test("that fails leaves the way free for the next", async () => {
    const child = createToldChild()
    const house = start(child)
    child.loadThread = async () => {
      throw new Fault("runtime_unavailable", "down")
    }
    const first = house.settle(house.rooms.turns.send("t", { text: "go" }))
    await expect(first).rejects.toMatchObject({ code: "runtime_unavailable" })
    child.loadThread = async () => {}
    expect(await house.settle(house.rooms.turns.send("t", { text: "go" }))).toEqual({ turnId: "turn-1" })
  })
})

describe("an interrupt", () => {
  test("asks for the running turn, or the named one", async () => {
    const house = start()
    house.ingest.take([said("turn/started", turn("u"))], "run")
    expect(await house.settle(house.rooms.turns.interrupt("t"))).toEqual({ turnId: "u" })
    expect(await house.settle(house.rooms.turns.interrupt("t", "u"))).toEqual({ turnId: "u" })
  })

  test("of nothing, of an ended and of an unknown turn is no_active_turn, and the child is not asked", async () => {
    const house = start()
    house.ingest.take(
      [said("turn/started", turn("u")), said("turn/completed", turn("u", "completed"))],
      "run",
    )
    for (const id of [undefined, "u", "nobody"]) {
      const done = house.settle(house.rooms.turns.interrupt("t", id))
      await expect(done).rejects.toMatchObject({ code: "no_active_turn" })
    }
    expect(house.child.calls).toEqual([])
  })
})

test("in any order of starts and ends the first end of a turn stands and at most the open ones run", () => {
  const step = fc.record({
    id: fc.constantFrom("a", "b"),
    what: fc.constantFrom("started", "completed", "interrupted", "failed", "item", "death"),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const house = start()
      const model = new Map<string, string>()
      let begun: string | undefined
      for (const { id, what } of steps) {
        if (what === "death") {
          house.now((tx) => house.acts.endRun(tx, { runId: "run", reason: "dead" }, () => {}))
          for (const [known, status] of model) if (status === "inProgress") model.set(known, "interrupted")
          continue
        }
        const opens = what === "started" || what === "item"
        if (what === "item") {
          const item = { type: "agentMessage", id: `m-${id}`, text: "" }
          house.ingest.take([said("item/started", { threadId: "t", turnId: id, item })], "run")
        } else {
          const method = what === "started" ? "turn/started" : "turn/completed"
          house.ingest.take([said(method, turn(id, opens ? "inProgress" : what))], "run")
        }
        if (!model.has(id)) model.set(id, "inProgress")
        if (what === "item") begun = id
        if (opens || model.get(id) !== "inProgress") continue
        // What was promised beside the turn that ended, and showed no item, ends with it.
        for (const one of model.keys()) {
          if (one === id || (model.get(one) === "inProgress" && one !== begun)) model.set(one, what)
        }
        begun = undefined
      }
      const seen = new Map(house.rooms.turns.list("t").map((t) => [t.id, t.status as string]))
      expect(seen).toEqual(model)
    }),
    { numRuns: 200 },
  )
})

test("a dead child's turn is interrupted and told so in its name", () => {
  const house = start()
  house.ingest.take([said("turn/started", turn("u"))], "run")
  house.now((tx) =>
    house.acts.endRun(tx, { runId: "run", reason: "the app-server ended (SIGKILL)" }, () => {}),
  )
  const last = JSON.parse(house.told.at(-1)?.body ?? "")
  expect(last).toMatchObject({
    method: "turn/completed",
    origin: "codexd",
    params: {
      threadId: "t",
      turn: { id: "u", status: "interrupted", error: { message: "the app-server ended (SIGKILL)" } },
    },
  })
  expect(house.rooms.turns.active("t")).toBeUndefined()
})

describe("a start without an answer from a child that lives", () => {
  const unheard = () =>
    new Fault("codex_timeout", "no answer", { method: "turn/start", delivered: "unknown" })

  test("is never sent again under its key while that child lives, and is found once it is told", async () => {
    const child = createToldChild()
    const house = start(child)
    child.startTurn = async () => {
      throw unheard()
    }
    const sent = house.settle(house.rooms.turns.send("t", { text: "go" }, { clientId: "key" }))
    await expect(sent).rejects.toMatchObject({ code: "codex_timeout" })
    const again = () => house.settle(house.rooms.turns.recover("t", { clientId: "key", tracked: true }))
    await expect(again()).rejects.toMatchObject({ code: "message_indeterminate" })
    const item = { type: "userMessage", id: "i", clientId: "key", content: [{ type: "text", text: "go" }] }
    house.ingest.take(
      [said("turn/started", turn("late")), said("item/started", { threadId: "t", turnId: "late", item })],
      "run",
    )
    expect(await again()).toEqual({ turnId: "late" })
  })

  test("is waited for before anything else starts in its session", async () => {
    const child = createToldChild()
    const house = start(child)
    const { startTurn } = child
    child.startTurn = async () => {
      throw unheard()
    }
    await house.settle(house.rooms.turns.send("t", { text: "one" })).catch(() => {})
    child.startTurn = startTurn
    const second = house.rooms.turns.send("t", { text: "two" })
    house.clock.turn(0)
    const item = { type: "agentMessage", id: "m", text: "" }
    house.ingest.take(
      [said("turn/started", turn("late")), said("item/started", { threadId: "t", turnId: "late", item })],
      "run",
    )
    expect(await house.settle(second)).toEqual({ turnId: "late" })
    expect(house.child.calls.filter(([what]) => what === "start")).toEqual([])
  })
})

test("an interrupt whose turn ends first is answered by that end", async () => {
  const child = createToldChild()
  child.interruptTurn = () => new Promise(() => {})
  const house = start(child)
  for (const [id, status, outcome] of [
    ["u", "interrupted", "fulfilled"],
    ["v", "completed", "rejected"],
  ] as const) {
    house.ingest.take([said("turn/started", turn(id))], "run")
    const asked = Promise.allSettled([house.rooms.turns.interrupt("t")])
    house.ingest.take([said("turn/completed", turn(id, status))], "run")
    expect((await house.settle(asked))[0]?.status).toBe(outcome)
  }
})

describe("a turn that was promised and never began", () => {
  const promised = (house: ReturnType<typeof start>) =>
    house.ingest.take([said("turn/started", turn("phantom"))], "run")
  const notThere = (child: ReturnType<typeof createToldChild>) => {
    child.interruptTurn = async () => {
      child.calls.push(["interrupt"])
      throw new Fault("no_active_turn", "no turn is running")
    }
  }

  test("ends with the turn that ran in its place, also with one that came after it", () => {
    const house = start()
    promised(house)
    house.ingest.take([said("turn/started", turn("u")), said("item/started", begun("u"))], "run")
    house.ingest.take([said("turn/completed", turn("u", "completed"))], "run")
    expect(house.rooms.turns.list("t").map(({ id, status }) => [id, status])).toEqual([
      ["phantom", "completed"],
      ["u", "completed"],
    ])
  })

  test("is over when it is interrupted and the child doesn't know it; its end is told", async () => {
    const child = createToldChild()
    const house = start(child)
    notThere(child)
    promised(house)
    const asked = house.rooms.turns.interrupt("t")
    await house.settle(Promise.race([asked, new Promise((resolve) => setImmediate(resolve))]))
    expect(house.rooms.turns.active("t")?.id).toBe("phantom")
    house.clock.turn(TIMERS.callDeadlineMs)
    expect(await house.settle(asked)).toEqual({ turnId: "phantom" })
    expect(house.rooms.turns.list("t").map(({ status }) => status)).toEqual(["interrupted"])
    const end = house.told.map(({ body }) => JSON.parse(body)).find((b) => b.method === "turn/completed")
    expect([end?.params.turn.id, end?.params.turn.status]).toEqual(["phantom", "interrupted"])
    expect(await house.settle(house.rooms.turns.send("t", { text: "on" }))).toEqual({ turnId: "turn-1" })
  })

  test("is interrupted like any other when it begins after all", async () => {
    const child = createToldChild()
    const house = start(child)
    notThere(child)
    promised(house)
    const asked = house.rooms.turns.interrupt("t")
    await house.settle(Promise.race([asked, new Promise((resolve) => setImmediate(resolve))]))
    child.interruptTurn = async () => void child.calls.push(["interrupt"])
    house.ingest.take([said("item/started", begun("phantom"))], "run")
    expect(await house.settle(asked)).toEqual({ turnId: "phantom" })
    expect(child.calls.filter(([what]) => what === "interrupt").length).toBe(2)
    expect(house.rooms.turns.active("t")?.id).toBe("phantom")
  })
})
