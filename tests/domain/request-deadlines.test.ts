// Until when a request waits, and what is answered then.

import { describe, expect, test } from "bun:test"
import { Fault } from "../../src/base/fault.ts"
import { API, asked, createToldChild, openRooms, said } from "../support/rooms.ts"

const COMMAND = "item/commandExecution/requestApproval"
const TEN_MINUTES = 600_000
const ALL = { approval: 1_000, toolInput: 2_000, elicitation: 3_000, toolCall: 4_000 }

function open(limits?: Partial<typeof ALL>, child = createToldChild()) {
  const house = openRooms(child, limits ? { limits } : {})
  house.ingest.take(
    [
      said("thread/started", { thread: { id: "t", cwd: "/w" } }),
      said("turn/started", { threadId: "t", turn: { id: "u", status: "inProgress" } }),
    ],
    "run",
  )
  let rpcId = 0
  const request = (method: string, more: object = {}) =>
    house.ingest.take([asked(rpcId++, method, { threadId: "t", turnId: "u", ...more })], "run")
  /** Time goes by, and what falls due is done. */
  const pass = async (ms: number) => {
    house.clock.turn(ms)
    for (let i = 0; i < 20; i++) {
      await Promise.resolve()
      house.clock.turn(0)
      await new Promise((next) => setImmediate(next))
    }
  }
  const answers = () => house.child.calls.filter(([what]) => what === "answer").map((call) => call[3])
  const closed = () =>
    house.told.filter(({ type }) => type === "request.closed").map(({ body }) => JSON.parse(body).payload)
  return { ...house, request, pass, answers, closed }
}

describe("a deadline", () => {
  test("is ten minutes for tool calls, and people are waited for", async () => {
    const house = open()
    house.request(COMMAND, { command: "make" })
    house.request("item/tool/call", { tool: "weather" })
    const [approval] = house.rooms.requests.list("t", "approval")
    const [call] = house.rooms.requests.list("t", "tool_call")
    expect(approval?.expiresAt).toBeNull()
    expect(call?.expiresAt).toBe(new Date(house.clock.now() + TEN_MINUTES).toISOString())
    await house.pass(TEN_MINUTES - 1)
    expect(house.answers()).toEqual([])
    await house.pass(1)
    expect(house.answers()).toEqual([
      { success: false, contentItems: [{ type: "inputText", text: expect.stringContaining("deadline") }] },
    ])
    expect(house.closed()).toEqual([
      { requestId: call?.requestId, status: "resolved", success: false, reason: "deadline" },
    ])
    expect(house.rooms.requests.list("t", "approval")).toHaveLength(1)
    await house.pass(30 * 24 * 3_600_000)
    expect(house.rooms.requests.list("t", "approval")).toHaveLength(1)
  })

  test("gives each kind its safe answer in its turn, and says so in the transcript", async () => {
    const house = open(ALL)
    house.request("mcpServer/elicitation/request", { serverName: "s", mode: "form", message: "m" })
    house.request("item/tool/requestUserInput", { questions: [{ id: "q" }] })
    house.request(COMMAND, { command: "make" })
    house.request("item/permissions/requestApproval", { permissions: { network: { enabled: true } } })
    await house.pass(1_000)
    expect(house.answers()).toEqual([{ decision: "decline" }, { permissions: {}, scope: "turn" }])
    await house.pass(1_000)
    expect(house.answers().at(-1)).toEqual({ answers: {} })
    await house.pass(1_000)
    expect(house.answers().at(-1)).toEqual({ action: "decline", content: null, _meta: null })
    expect(house.closed().map(({ reason }) => reason)).toEqual(Array(4).fill("deadline"))
    const rows = (await house.rooms.transcript.read("t")).filter(({ type }) => type.endsWith(".resolved"))
    expect(rows).toHaveLength(4)
    for (const { details } of rows)
      expect(JSON.parse(details ?? "{}")).toMatchObject({ decidedBy: "codexd", decidedFrom: "deadline" })
  })

  test("means nothing to what was answered before it, or ended", async () => {
    const house = open(ALL)
    house.request(COMMAND, { command: "make" })
    house.request("item/tool/call", { tool: "weather" })
    const [row] = house.rooms.requests.list("t", "approval")
    const accept = { kind: "approval", decision: "accept", scope: "turn" } as const
    await house.settle(house.rooms.requests.decide(String(row?.approvalId), accept, API))
    house.ingest.take([said("turn/completed", { threadId: "t", turn: { id: "u", status: "failed" } })], "run")
    await house.pass(10_000)
    expect(house.answers()).toEqual([{ decision: "accept" }])
    expect(house.closed().map(({ status }) => status)).toEqual(["resolved", "expired"])
    expect(house.faults).toEqual([])
  })

  test("that nobody could hear is tried again", async () => {
    const child = createToldChild()
    const house = open(ALL, child)
    house.request(COMMAND, { command: "make" })
    const { answer } = child
    child.answer = async () => {
      throw new Fault("runtime_unavailable", "the pipe is shut")
    }
    await house.pass(1_000)
    expect(house.rooms.requests.list("t", "approval")).toHaveLength(1)
    child.answer = answer
    await house.pass(5_000)
    expect(house.answers()).toEqual([{ decision: "decline" }])
    expect(house.rooms.requests.list("t", "approval")).toEqual([])
  })

  test("ends an orphan too: it is declined without a turn", async () => {
    const house = open(ALL)
    house.request(COMMAND, { command: "make" })
    house.now((tx) => house.rooms.requests.endRun(tx, { runId: "run", reason: "dead" }))
    expect(house.rooms.requests.list("t", "approval")).toMatchObject([{ state: "orphaned" }])
    await house.pass(1_000)
    expect(house.rooms.requests.list("t", "approval")).toEqual([])
    expect(house.closed()).toMatchObject([{ decision: "decline", state: "declined", reason: "deadline" }])
    expect(house.child.calls).toEqual([])
  })

  test("holds over a restart: what fell due meanwhile is answered at the start", async () => {
    const house = open(ALL)
    house.request(COMMAND, { command: "make" })
    house.rooms.requests[Symbol.dispose]()
    await house.pass(60_000)
    expect(house.answers()).toEqual([])
    const again = house.reopenRequests()
    again.start()
    await house.pass(0)
    expect(house.answers()).toEqual([{ decision: "decline" }])
    again[Symbol.dispose]()
  })

  test("comes for hundreds at once", async () => {
    const house = open(ALL)
    for (let i = 0; i < 250; i++) house.request(COMMAND, { command: `make ${i}` })
    await house.pass(1_000)
    while (house.rooms.requests.list("t", "approval").length > 0) await house.pass(0)
    expect(house.answers()).toHaveLength(250)
  })
})
