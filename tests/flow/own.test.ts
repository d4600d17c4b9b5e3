// What the child asks in a session of the system's own (wire-contract §6.7).

import { expect, test } from "bun:test"
import type { OwnTools } from "../../src/flow/ingest/own.ts"
import { asked, createToldChild, openRooms, said } from "../support/rooms.ts"

function worker(ownTools?: OwnTools) {
  const house = openRooms(createToldChild(), ownTools ? { ownTools } : {})
  house.ingest.take([said("thread/started", { thread: { id: "t", cwd: "/w" } })], "run")
  house.now((tx) => house.rooms.sessions.change(tx, "t", { systemOwned: true }, []))
  house.ingest.take([said("turn/started", { threadId: "t", turn: { id: "u", status: "inProgress" } })], "run")
  return house
}
const about = { threadId: "t", turnId: "u", itemId: "i" }
const rest = async (house: ReturnType<typeof worker>) => {
  for (let i = 0; i < 20; i++) await house.settle(Promise.resolve())
}
const kinds = ["approval", "tool_input", "tool_call"] as const

test.each([
  ["item/commandExecution/requestApproval", { command: "ls", cwd: "/w" }, { decision: "decline" }],
  ["item/fileChange/requestApproval", {}, { decision: "decline" }],
  ["execCommandApproval", { command: ["ls"] }, { decision: "denied" }],
  [
    "item/permissions/requestApproval",
    { permissions: { network: { enabled: true } } },
    { permissions: {}, scope: "turn" },
  ],
  ["item/tool/requestUserInput", { questions: [{ id: "q", question: "?" }] }, { answers: {} }],
  [
    "item/tool/call",
    { tool: "lamp", arguments: {} },
    { success: false, contentItems: [{ type: "inputText", text: "lamp is unsupported here" }] },
  ],
])("%s is settled at once, and nobody is asked", async (method, params, result) => {
  const house = worker()
  house.ingest.take([asked(3, method, { ...about, ...params })], "run")
  await rest(house)
  expect(house.child.calls.at(-1)).toEqual(["answer", "run", 3, result])
  for (const kind of kinds) expect(house.rooms.requests.list("t", kind)).toEqual([])
  expect(house.rooms.requests.waiting().count).toBe(0)
  expect(house.told.filter(({ type }) => type.startsWith("request."))).toEqual([])
  expect(house.faults).toEqual([])
})

test("any other request is refused, and a row of the worker's transcript says what was settled how", async () => {
  const house = worker()
  house.ingest.take([asked(1, "item/commandExecution/requestApproval", { ...about, command: "ls" })], "run")
  house.ingest.take([asked("x", "odd/request", about)], "run")
  await rest(house)
  expect(house.child.calls.at(-1)?.slice(0, 4)).toEqual(["refuse", "run", "x", -32600])
  const rows = (await house.settle(house.rooms.transcript.read("t"))).filter(
    ({ type }) => type === "agent.worker.lifecycle",
  )
  expect(rows.map(({ status, details }) => [status, JSON.parse(details ?? "").decision])).toEqual([
    ["complete", "decline"],
    ["error", "refused"],
  ])
  expect(JSON.parse(rows[0]?.details ?? "")).toMatchObject({
    phase: "system_request_reconciliation",
    method: "item/commandExecution/requestApproval",
  })
})

test("a tool that the daemon gave the worker is run by its owner; what it throws is a failed call", async () => {
  const heard: unknown[] = []
  const house = worker((sessionId, tool, args) => {
    if (tool === "theirs") return undefined
    heard.push([sessionId, tool, args])
    if (tool === "breaks") return Promise.reject(new Error("no lamp"))
    return Promise.resolve({ success: true, contentItems: [{ type: "inputText", text: "on" }] })
  })
  for (const [rpc, tool] of ["lamp", "breaks", "theirs"].entries())
    house.ingest.take([asked(rpc, "item/tool/call", { ...about, tool, arguments: { a: 1 } })], "run")
  await rest(house)
  expect(heard).toEqual([
    ["t", "lamp", { a: 1 }],
    ["t", "breaks", { a: 1 }],
  ])
  const text = (text: string) => [{ type: "inputText", text }]
  const answers = house.child.calls
    .filter(([what]) => what === "answer")
    .map(([, , rpc, result]) => [rpc, result])
  expect(answers.sort()).toEqual([
    [0, { success: true, contentItems: text("on") }],
    [1, { success: false, contentItems: text("no lamp") }],
    [2, { success: false, contentItems: text("theirs is unsupported here") }],
  ])
})
