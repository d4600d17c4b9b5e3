import { describe, expect, setDefaultTimeout, test } from "bun:test"
import fc from "fast-check"
import { Fault } from "../../src/base/fault.ts"
import type { Decision } from "../../src/domain/requests/verdict.ts"
import { API, asked, openRooms, said } from "../support/rooms.ts"

// A failure net for properties on a busy machine.
setDefaultTimeout(60_000)

const COMMAND = "item/commandExecution/requestApproval"
const accept = { kind: "approval", decision: "accept", scope: "turn" } as const
const decline = { kind: "approval", decision: "decline", scope: "turn" } as const

function withTurn(house = openRooms()) {
  house.ingest.take(
    [
      said("thread/started", { thread: { id: "t", cwd: "/w" } }),
      said("turn/started", { threadId: "t", turn: { id: "u", status: "inProgress" } }),
    ],
    "run",
  )
  return house
}

function withApproval(extra: Record<string, unknown> = {}, method = COMMAND) {
  const house = withTurn()
  const params = { threadId: "t", turnId: "u", itemId: "i", command: "ls -l", cwd: "/w", ...extra }
  house.ingest.take([asked(0, method, params)], "run")
  const row = house.rooms.requests.list("t", "approval")[0] as { approvalId: string } & Record<
    string,
    unknown
  >
  return { ...house, row, id: row.approvalId }
}

const frames = (house: { told: { type: string; body: string }[] }) =>
  house.told.filter((e) => e.type.startsWith("request.")).map((e) => JSON.parse(e.body))

describe("an approval", () => {
  test("is listed with what it would do, and told as the same row", () => {
    const house = withApproval()
    expect(house.row).toMatchObject({
      method: COMMAND,
      threadId: "t",
      turnId: "u",
      itemId: "i",
      summary: "ls -l",
      status: "pending",
      state: "open",
      details: { command: "ls -l", cwd: "/w" },
    })
    expect(frames(house)).toEqual([{ frame: "approval", payload: house.row }])
  })

  test("is answered once: the same decision again is fine, another one is reconciled", async () => {
    const house = withApproval()
    await house.settle(house.rooms.requests.decide(house.id, accept, API))
    expect(house.child.calls.filter(([what]) => what === "answer")).toEqual([
      ["answer", "run", 0, { decision: "accept" }],
    ])
    await house.settle(house.rooms.requests.decide(house.id, accept, API))
    expect(house.child.calls.filter(([what]) => what === "answer")).toHaveLength(1)
    const other = house.settle(house.rooms.requests.decide(house.id, decline, API))
    expect(other).rejects.toMatchObject({ code: "request_reconciled", details: { code: "already_resolved" } })
    expect(house.rooms.requests.list("t", "approval")).toEqual([])
    expect(frames(house).at(-1)).toEqual({
      frame: "approval_resolved",
      payload: { approvalId: house.id, status: "resolved", decision: "accept", scope: "turn" },
    })
  })

  test("takes the words of its method", async () => {
    for (const [method, decision, word] of [
      [COMMAND, { ...accept, scope: "session" }, "acceptForSession"],
      [COMMAND, { ...accept, decision: "cancel" }, "cancel"],
      ["execCommandApproval", accept, "approved"],
      ["applyPatchApproval", { ...accept, scope: "session" }, "approved_for_session"],
      ["applyPatchApproval", decline, "denied"],
      ["execCommandApproval", { ...decline, decision: "cancel" }, "abort"],
    ] as [string, Decision, string][]) {
      const house = withApproval({}, method)
      await house.settle(house.rooms.requests.decide(house.id, decision, API))
      expect(house.child.calls.at(-1)).toEqual(["answer", "run", 0, { decision: word }])
    }
  })

  test("for the session becomes one for the turn where the child doesn't offer more", async () => {
    const house = withApproval({ availableDecisions: ["accept", "cancel"] })
    const asked = { ...accept, scope: "session" } as const
    const { decided } = await house.settle(house.rooms.requests.decide(house.id, asked, API))
    expect(decided).toMatchObject({ scope: "turn" })
    expect(house.child.calls.at(-1)).toEqual(["answer", "run", 0, { decision: "accept" }])
  })

  test("expires with its turn and can't be decided after", async () => {
    const house = withApproval()
    house.ingest.take(
      [said("turn/completed", { threadId: "t", turn: { id: "u", status: "interrupted" } })],
      "run",
    )
    expect(frames(house).at(-1)).toEqual({
      frame: "approval_resolved",
      payload: { approvalId: house.id, status: "expired" },
    })
    const late = house.settle(house.rooms.requests.decide(house.id, accept, API))
    expect(late).rejects.toMatchObject({ code: "request_not_found" })
  })

  test("is told before the frames of the notification that ended it", () => {
    const house = withApproval()
    house.ingest.take(
      [said("turn/completed", { threadId: "t", turn: { id: "u", status: "completed" } })],
      "run",
    )
    expect(house.told.slice(-2).map((e) => e.type)).toEqual(["request.closed", "app.notification"])
  })

  test("is open again when nothing was written, and unknown when something may have been", async () => {
    const house = withApproval()
    house.child.answer = async () => {
      throw new Fault("runtime_unavailable", "gone")
    }
    const first = house.settle(house.rooms.requests.decide(house.id, accept, API))
    expect(first).rejects.toMatchObject({ code: "request_undelivered" })
    await first.catch(() => {})
    expect(house.rooms.requests.list("t", "approval")).toHaveLength(1)
    house.child.answer = async () => {
      throw new Fault("request_undelivered", "half a line")
    }
    await house.settle(house.rooms.requests.decide(house.id, accept, API)).catch(() => {})
    expect(house.rooms.requests.list("t", "approval")).toEqual([])
    expect(frames(house).at(-1).payload).toEqual({
      approvalId: house.id,
      status: "expired",
      state: "indeterminate",
    })
  })

  test("resolved by the app-server itself expires", () => {
    const house = withApproval()
    house.ingest.take([said("serverRequest/resolved", { threadId: "t", requestId: 0 })], "run")
    expect(house.rooms.requests.list("t", "approval")).toEqual([])
    expect(frames(house).at(-1).payload).toEqual({ approvalId: house.id, status: "expired" })
  })

  test("of another run with the same number is another request", () => {
    const house = withApproval()
    house.ingest.take(
      [asked(0, COMMAND, { threadId: "t", turnId: "u", itemId: "j", command: "id" })],
      "run-2",
    )
    const ids = house.rooms.requests.list("t", "approval").map((row) => row.approvalId)
    expect(new Set(ids).size).toBe(2)
  })
})

test("a file change is shown with the changes of its item", () => {
  const house = withTurn()
  const changes = [{ path: "/w/a.txt", kind: { type: "add" }, diff: "+1" }]
  const item = { type: "fileChange", id: "i", status: "inProgress", changes }
  house.ingest.take(
    [
      said("item/started", { threadId: "t", turnId: "u", item }),
      asked(0, "item/fileChange/requestApproval", { threadId: "t", turnId: "u", itemId: "i", reason: null }),
    ],
    "run",
  )
  expect(house.rooms.requests.list("t", "approval")).toMatchObject([
    { summary: "1 change", details: { changes } },
  ])
})

test("unknown ids and ids of another kind are not found", async () => {
  const house = withApproval()
  for (const [id, decision] of [
    ["nobody", accept],
    [house.id, { kind: "tool_call", text: "x" }],
  ] as [string, Decision][]) {
    const decided = house.settle(house.rooms.requests.decide(id, decision, API))
    await expect(decided).rejects.toMatchObject({ code: "request_not_found" })
  }
})

test("two decisions at once: one is written", async () => {
  const house = withApproval()
  const both = await Promise.allSettled([
    house.settle(house.rooms.requests.decide(house.id, accept, API)),
    house.settle(house.rooms.requests.decide(house.id, decline, API)),
  ])
  expect(both.map((one) => one.status).sort()).toEqual(["fulfilled", "rejected"])
  expect(house.child.calls.filter(([what]) => what === "answer")).toHaveLength(1)
})

test("the same decision while the first is being written hears how that ends", async () => {
  const house = withApproval()
  const write = Promise.withResolvers<void>()
  house.child.answer = async (...args) => {
    house.child.calls.push(["answer", ...args])
    await write.promise
  }
  const { decide } = house.rooms.requests
  const both = Promise.allSettled([decide(house.id, accept, API), decide(house.id, accept, API)])
  const other = await house.settle(decide(house.id, decline, API)).catch((error) => error)
  expect(other).toMatchObject({ code: "request_reconciled", details: { code: "already_resolved" } })
  write.reject(new Fault("runtime_unavailable", "gone"))
  const ends = await house.settle(both)
  expect(ends.map((end) => end.status)).toEqual(["rejected", "rejected"])
  expect(house.child.calls.filter(([what]) => what === "answer")).toHaveLength(1)
})

test("an answer whose end can't be stored is told when the child shows that it has it", async () => {
  const house = withApproval()
  const { answer } = house.child
  house.child.answer = async (...args) => {
    await answer(...args)
    house.rooms.transcript.put = (tx) => {
      tx.run("INSERT INTO nowhere VALUES (1)")
      throw new Error("unreachable")
    }
  }
  const { put } = house.rooms.transcript
  await house.settle(house.rooms.requests.decide(house.id, accept, API))
  expect(frames(house).map((one) => one.frame)).toEqual(["approval"])
  house.rooms.transcript.put = put
  house.ingest.take([said("serverRequest/resolved", { threadId: "t", requestId: 0 })], "run")
  expect(frames(house).at(-1)).toEqual({
    frame: "approval_resolved",
    payload: { approvalId: house.id, status: "resolved", decision: "accept", scope: "turn" },
  })
})

test("tool input and tool calls are answered in the app-server's shapes", async () => {
  const house = withTurn()
  const questions = [{ id: "q", header: "H", question: "Which?", options: [{ label: "a", description: "" }] }]
  house.ingest.take(
    [
      asked(1, "item/tool/requestUserInput", { threadId: "t", turnId: "u", itemId: "i", questions }),
      asked(2, "item/tool/call", {
        threadId: "t",
        turnId: "u",
        callId: "c",
        tool: "lamp",
        arguments: { on: true },
      }),
    ],
    "run",
  )
  const [input] = house.rooms.requests.list("t", "tool_input")
  const [call] = house.rooms.requests.list("t", "tool_call")
  expect(input).toMatchObject({
    summary: "1 question",
    questions: [{ id: "q", isOther: false, isSecret: false }],
  })
  expect(call).toMatchObject({ tool: "lamp", callId: "c", itemId: "c", arguments: { on: true } })
  const answers = { q: { answers: ["a"] } }
  const { decide } = house.rooms.requests
  await house.settle(
    decide(String(input?.requestId), { kind: "tool_input", decision: "accept", answers }, API),
  )
  expect(house.child.calls.at(-1)).toEqual(["answer", "run", 1, { answers }])
  await house.settle(decide(String(call?.requestId), { kind: "tool_call", text: "done" }, API))
  const result = { contentItems: [{ type: "inputText", text: "done" }], success: true }
  expect(house.child.calls.at(-1)).toEqual(["answer", "run", 2, result])
})

test("a request that nobody answers is refused at once and told as server_request", () => {
  const house = withTurn()
  house.ingest.take([asked("x", "attestation/generate", { threadId: "t" })], "run")
  expect(house.child.calls.at(-1)?.slice(0, 4)).toEqual(["refuse", "run", "x", -32601])
  expect(house.told.slice(-2).map((e) => e.type)).toEqual(["app.request", "request.unsupported"])
})

test("whatever happens, an answer is written at most once and every request ends truthfully", () => {
  const moves = fc.constantFrom("accept", "decline", "resolved", "turn-end", "child-death", "again")
  return fc.assert(
    fc.asyncProperty(fc.array(moves, { maxLength: 8 }), fc.boolean(), async (steps, unwritable) => {
      const house = withApproval()
      if (unwritable) {
        const write = house.child.answer
        let first = true
        house.child.answer = async (...args) => {
          if (first) {
            first = false
            throw new Fault("runtime_unavailable", "gone")
          }
          return write(...args)
        }
      }
      for (const step of steps) {
        if (step === "accept" || step === "again") {
          await house.settle(house.rooms.requests.decide(house.id, accept, API)).catch(() => {})
        }
        if (step === "decline")
          await house.settle(house.rooms.requests.decide(house.id, decline, API)).catch(() => {})
        if (step === "resolved") {
          house.ingest.take([said("serverRequest/resolved", { threadId: "t", requestId: 0 })], "run")
        }
        if (step === "turn-end") {
          house.ingest.take(
            [said("turn/completed", { threadId: "t", turn: { id: "u", status: "completed" } })],
            "run",
          )
        }
        if (step === "child-death")
          house.now((tx) => house.acts.endRun(tx, { runId: "run", reason: "dead" }, () => {}))
      }
      expect(house.child.calls.filter(([what]) => what === "answer").length).toBeLessThanOrEqual(1)
      const { state = "" } = house.rooms.requests.find(house.id) ?? {}
      const ended = steps.includes("turn-end") || steps.includes("child-death")
      if (ended) expect(["open", "claimed"]).not.toContain(state)
      // Listed exactly while a person can decide it.
      const listed = house.rooms.requests.list("t", "approval").length
      expect(listed).toBe(state === "open" || state === "orphaned" ? 1 : 0)
      // Told when it was asked and once more as an orphan, and at most one end of it.
      const kinds = frames(house).map((one) => one.frame)
      const opened = frames(house).filter((one) => one.frame === "approval")
      expect(opened.slice(1).every((one) => one.payload.state === "orphaned")).toBe(true)
      expect(opened.length).toBeLessThanOrEqual(2)
      expect(kinds.filter((kind) => kind === "approval_resolved").length).toBeLessThanOrEqual(1)
    }),
    { numRuns: 150 },
  )
})
