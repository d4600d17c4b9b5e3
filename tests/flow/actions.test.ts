// The table of actions through its one door: reach, capability, what a person did first, and keys that hold over a restart.

import { expect, test } from "bun:test"
import { createKeys } from "../../src/domain/keys/keys.ts"
import { ACTIONS } from "../../src/engine/host/contract.ts"
import { type AskedAction, createActions } from "../../src/flow/actions/perform.ts"
import { actionTable } from "../../src/flow/actions/table.ts"
import { createJobs } from "../../src/flow/jobs/jobs.ts"
import { jobTable } from "../../src/flow/jobs/table.ts"
import { QUEUE_CONFIG } from "../support/queue.ts"
import { API, asked, createToldChild, openRooms, said } from "../support/rooms.ts"

function open(trustMode: "warn" | "enforced" = "warn") {
  const house = openRooms(createToldChild())
  const { db, clock, rooms, ingest } = house
  const keys = createKeys({ db, clock })
  const kinds = jobTable({
    ...house,
    keys,
    find: house.reconcile.find,
    timeoutMs: 60_000,
    webhook: { clock, secret: undefined },
  })
  const jobs = createJobs({ ...house, config: QUEUE_CONFIG, kinds, audienceOf: (id) => ({ thread: id }) })
  const build = () =>
    createActions({ db, clock, rooms, keys: createKeys({ db, clock }), trustMode, jobs: () => jobs })
  ingest.take([said("thread/started", { thread: { id: "s", cwd: "/w" } })], "run")
  ingest.take([said("turn/started", { threadId: "s", turn: { id: "u", status: "inProgress" } })], "run")
  ingest.take([said("item/started", { threadId: "s", turnId: "u", item: { type: "plan", id: "i" } })], "run")
  const ask = (type: string, payload: object, more: Partial<AskedAction> = {}) =>
    house.settle(
      build().perform({
        type,
        payload: payload as Record<string, unknown>,
        scope: { projectId: "p", sessionId: "s", turnId: "u" },
        actor: { kind: "extension", name: "e" },
        capabilities: ["*"],
        ...more,
      }),
    )
  const approval = (rpc: number) => {
    const about = { threadId: "s", turnId: "u", itemId: "i", command: "ls" }
    ingest.take([asked(rpc, "item/commandExecution/requestApproval", about)], "run")
    return String(rooms.requests.list("s", "approval").at(-1)?.approvalId)
  }
  return { ...house, jobs, ask, approval }
}
const entry = {
  messageId: "m",
  turnId: "u",
  role: "system",
  type: "note",
  content: "hello",
  status: "complete",
}

test("every action of the contract has a row, and no other", () => {
  expect(Object.keys(actionTable({} as never)).sort()).toEqual(Object.keys(ACTIONS).sort())
})

test("a row is written in the session and turn of the scope, and in no other", async () => {
  const house = open()
  const details = { a: 1 }
  const done = await house.ask("transcript.upsert", { sessionId: "s", entry: { ...entry, details } })
  expect(done).toEqual({
    actionType: "transcript.upsert",
    status: "performed",
    details: { messageId: "m", turnId: "u" },
  })
  const [row] = (await house.settle(house.rooms.transcript.read("s"))).filter((e) => e.messageId === "m")
  expect(row).toMatchObject({
    content: "hello",
    details: '{"a":1}',
    author: "extension:e",
    status: "complete",
  })
  expect(house.told.some(({ type }) => type === "transcript.updated")).toBe(true)
  const elsewhere = await house.ask("transcript.upsert", { sessionId: "t", entry })
  expect(elsewhere).toMatchObject({
    status: "forbidden",
    details: { code: "scope_session_mismatch", expected: "s", received: "t" },
  })
  const otherTurn = await house.ask("transcript.upsert", { sessionId: "s", entry: { ...entry, turnId: "x" } })
  expect(otherTurn).toMatchObject({ status: "forbidden", details: { code: "scope_turn_mismatch" } })
  const bad = await house.ask("transcript.upsert", { sessionId: "s", entry: { ...entry, role: "root" } })
  expect(bad).toMatchObject({ status: "invalid", details: { code: "invalid_payload" } })
  expect((await house.ask("world.end", {})).details).toEqual({ code: "unknown_action" })
  const scope = { sessionId: "gone" }
  const gone = await house.ask("transcript.upsert", { sessionId: "gone", entry }, { scope })
  expect(gone).toMatchObject({ status: "failed", details: { code: "session_not_found" } })
})

test("an approval is decided once; what a person decided first stands, be it the same", async () => {
  const house = open()
  const first = house.approval(1)
  expect(await house.ask("approval.decide", { approvalId: first, decision: "accept" })).toMatchObject({
    status: "performed",
    details: { approvalId: first, threadId: "s" },
  })
  expect(house.rooms.requests.find(first)).toMatchObject({ decidedBy: "e", decidedFrom: "extension" })
  const second = house.approval(2)
  await house.settle(
    house.rooms.requests.decide(second, { kind: "approval", decision: "decline", scope: "turn" }, API),
  )
  for (const decision of ["accept", "decline"])
    expect(await house.ask("approval.decide", { approvalId: second, decision })).toMatchObject({
      status: "already_resolved",
    })
  expect(house.child.calls.filter(([what]) => what === "answer")).toHaveLength(2)
  expect(await house.ask("approval.decide", { approvalId: "none", decision: "accept" })).toMatchObject({
    status: "already_resolved",
  })
  const third = house.approval(3)
  const scope = { projectId: "p", sessionId: "s", turnId: "other" }
  expect(
    await house.ask("approval.decide", { approvalId: third, decision: "accept" }, { scope }),
  ).toMatchObject({ status: "forbidden", details: { code: "scope_turn_mismatch" } })
  expect(house.rooms.requests.find(third)?.state).toBe("open")
})

test("a steer joins exactly the turn that runs", async () => {
  const house = open()
  const steer = { sessionId: "s", turnId: "u", input: "careful" }
  expect(await house.ask("turn.steer.create", steer)).toMatchObject({ status: "performed" })
  expect(house.child.calls).toContainEqual(["steer", "s", "u", "careful"])
  house.ingest.take(
    [said("turn/completed", { threadId: "s", turn: { id: "u", status: "completed" } })],
    "run",
  )
  expect(await house.ask("turn.steer.create", steer)).toMatchObject({ status: "conflict" })
})

test("a session that somebody named keeps its name", async () => {
  const house = open()
  const rename = { sessionId: "s", title: "Greetings" }
  expect(await house.ask("session.rename", rename)).toMatchObject({ status: "performed" })
  expect(house.rooms.sessions.titleOf("s")).toBe("Greetings")
  expect(await house.ask("session.rename", { ...rename, title: "Other" })).toMatchObject({
    status: "already_resolved",
    details: { title: "Greetings" },
  })
})

test("work is handed to the queue of the scope's project only, and once for its key", async () => {
  const house = open()
  const job = { type: "session.message", projectId: "p", payload: { sessionId: "s", text: "hi" } }
  const done = await house.ask("queue.enqueue", job)
  expect(done).toMatchObject({ status: "performed", details: { enqueueStatus: "enqueued" } })
  expect((done.details as { job: object }).job).toMatchObject({ projectId: "p", sourceSessionId: "s" })
  expect(await house.ask("queue.enqueue", { ...job, projectId: "session:s" })).toMatchObject({
    status: "performed",
  })
  for (const wrong of [
    { ...job, projectId: "q" },
    { ...job, sourceSessionId: "t" },
    { ...job, payload: { sessionId: "t", text: "hi" } },
  ])
    expect((await house.ask("queue.enqueue", wrong)).status).toBe("forbidden")
  expect(await house.ask("queue.enqueue", { ...job, payload: { sessionId: "s" } })).toMatchObject({
    status: "failed",
    details: { code: "invalid_payload" },
  })
})

test("a suggestion is kept and told; streaming behind its end is not", async () => {
  const house = open()
  const upsert = (status: string, more: object = {}) =>
    house.ask("suggestion.upsert", { sessionId: "s", requestKey: "k", status, ...more })
  expect(await upsert("complete")).toMatchObject({ status: "invalid" })
  await upsert("streaming", { suggestion: "a" })
  await upsert("complete", { suggestion: "a test" })
  await upsert("streaming", { suggestion: "late" })
  expect(house.rooms.suggestions.find("s", "k")).toMatchObject({ status: "complete", suggestion: "a test" })
  const told = house.told
    .filter(({ type }) => type === "suggestion.updated")
    .map(({ body }) => JSON.parse(body))
  expect(told.map(({ status }) => status)).toEqual(["streaming", "complete"])
})

test("under a key it is done once, also by the next start; another payload is a conflict", async () => {
  const house = open()
  const steer = { sessionId: "s", turnId: "u", input: "careful" }
  const keyed = { idempotencyKey: "k1" }
  const first = await house.ask("turn.steer.create", steer, keyed)
  // Each call builds the door anew, as a restart does.
  expect(
    await house.ask("turn.steer.create", { input: "careful", turnId: "u", sessionId: "s" }, keyed),
  ).toEqual(first)
  expect(house.child.calls.filter(([what]) => what === "steer")).toHaveLength(1)
  expect(await house.ask("turn.steer.create", { ...steer, input: "other" }, keyed)).toMatchObject({
    status: "conflict",
    details: { code: "idempotency_conflict" },
  })
  const scope = { projectId: "p", sessionId: "s" }
  expect((await house.ask("turn.steer.create", steer, { ...keyed, scope })).status).toBe("conflict")
  const mine = { actor: { kind: "extension" as const, name: "other" } }
  expect((await house.ask("turn.steer.create", steer, { ...keyed, ...mine })).status).toBe("performed")
})

test("a failure frees its key; what was refused is remembered", async () => {
  const house = open()
  const keyed = { idempotencyKey: "k" }
  const payload = { sessionId: "gone", entry }
  const scope = { sessionId: "gone" }
  expect((await house.ask("transcript.upsert", payload, { ...keyed, scope })).status).toBe("failed")
  house.ingest.take([said("thread/started", { thread: { id: "gone", cwd: "/w" } })], "run")
  expect((await house.ask("transcript.upsert", payload, { ...keyed, scope })).status).toBe("performed")
})

test("a steer that a crash cut off is not repeated under its key", async () => {
  const house = open()
  const child = house.child as { steerTurn: unknown }
  child.steerTurn = async (given: object) => {
    house.child.calls.push(["steer", given])
    throw new Error("the daemon died here")
  }
  const steer = { sessionId: "s", turnId: "u", input: "careful" }
  const keyed = { idempotencyKey: "k" }
  await expect(house.ask("turn.steer.create", steer, keyed)).rejects.toThrow("died here")
  expect(await house.ask("turn.steer.create", steer, keyed)).toMatchObject({
    status: "failed",
    details: { code: "indeterminate" },
  })
  expect(house.child.calls.filter(([what]) => what === "steer")).toHaveLength(1)
})

test("what is not declared is forbidden where trust is enforced, and to a worker always", async () => {
  const payload = { sessionId: "s", entry }
  const few = { capabilities: ["queue.enqueue"] }
  expect((await open("warn").ask("transcript.upsert", payload, few)).status).toBe("performed")
  const worker = { actor: { kind: "worker" as const, name: "a", jobId: "j" }, ...few }
  for (const [trust, more] of [
    ["enforced", few],
    ["warn", worker],
  ] as const)
    expect(await open(trust).ask("transcript.upsert", payload, more)).toMatchObject({
      status: "forbidden",
      details: { code: "undeclared_capability" },
    })
})
