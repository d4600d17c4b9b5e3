// Workers over the rooms: what they are made with, when they are made anew, what they are told, what they may, and how jobs end.

import { afterEach, expect, test } from "bun:test"
import { Fault } from "../../../src/base/fault.ts"
import { createWorkerTurns, Stopped } from "../../../src/flow/workers/job/turn.ts"
import { said } from "../../support/rooms.ts"
import { openWorkerHouse, type Play, type WorkerHouse, type WorkersGiven } from "../../support/workers.ts"

const closing: WorkerHouse[] = []
afterEach(() => {
  for (const house of closing.splice(0)) house.driver.close()
})
async function open(given: WorkersGiven = {}) {
  const house = await openWorkerHouse(given)
  closing.push(house)
  return { house, sessionId: await house.session() }
}
const isJob = (text: string) => text.startsWith("do it")
const jobs = (play: Play) => (text: string) =>
  isJob(text) ? play : { says: "ready", ends: "completed" as const }
const done: Play = { says: "fine", ends: "completed" }
const loaded = (actions?: string[]) => [{ agentId: "a", folder: "/nowhere", actions }]

test("a worker is read-only, without network, and asks nobody, whatever the defaults are", async () => {
  const { house, sessionId } = await open({ play: jobs(done) })
  await house.over(await house.instruct(sessionId, {}))
  for (const { start } of house.turns)
    expect(start.controls).toMatchObject({
      approvalPolicy: "never",
      networkAccess: "restricted",
      filesystemSandbox: "read-only",
    })
  const worker = house.rooms.sessions.find(house.turns[0]?.sessionId ?? "")
  expect(worker).toMatchObject({ systemOwned: true, title: "New chat default" })
  expect(JSON.parse(worker?.dynamicTools ?? "[]").map(({ name }: { name: string }) => name)).toEqual([
    "transcript_upsert",
    "approval_decide",
    "turn_steer_create",
    "queue_enqueue",
    "session_rename",
    "suggestion_upsert",
  ])
  const created = house.told.filter(({ type, thread }) => type === "session.created" && thread === worker?.id)
  expect(created.map(({ scope }) => scope)).toEqual(["hidden"])
})

test("it is told what it is once, a bootstrap once a key, and another text again", async () => {
  const { house, sessionId } = await open({ play: jobs(done) })
  const run = async (instructionText: string) => {
    const bootstrapInstruction = { key: "k", instructionText }
    await house.over(await house.instruct(sessionId, { bootstrapInstruction, instructionText: "do it" }))
  }
  await run("be kind")
  await run("be kind")
  await run("be quick")
  const texts = house.turns.map(({ text }) => text.slice(0, 10))
  expect(texts).toEqual(["You are a ", "be kind", "do it", "do it", "be quick", "do it"])
})

test("other tools make it stale: the old one goes, another comes; the same tools keep it", async () => {
  const agents = loaded(["session.rename"])
  const { house, sessionId } = await open({ play: jobs(done), loaded: agents })
  const worker = async () => {
    await house.over(await house.instruct(sessionId, { agent: "a" }))
    return house.turns.at(-1)?.sessionId ?? ""
  }
  const first = await worker()
  expect(await worker()).toBe(first)
  agents[0]?.actions?.push("approval.decide")
  const second = await worker()
  expect(second).not.toBe(first)
  expect(house.rooms.sessions.find(first)).toBeUndefined()
  expect(house.rooms.projects.agents(`session:${sessionId}`)).toEqual([
    { owner: `session:${sessionId}`, agent: "a", sessionId: second },
  ])
})

test("one that is gone when its job comes is replaced once, within the attempt", async () => {
  const { house, sessionId } = await open({ play: jobs(done) })
  await house.over(await house.instruct(sessionId, {}))
  const first = house.turns[0]?.sessionId
  const { loadThread } = house.child
  Object.assign(house.child, {
    loadThread: async (id: string, ...more: unknown[]) => {
      if (id === first) throw new Fault("not_found", "no rollout found for thread id")
      return loadThread(id, ...more)
    },
  })
  const job = await house.over(await house.instruct(sessionId, {}))
  expect([job?.state, job?.attempt]).toEqual(["completed", 1])
  expect(house.turns.at(-1)?.sessionId).not.toBe(first)
})

test.each([
  ["failed", "agent turn failed: it broke", 1],
  ["interrupted", "agent turn was interrupted", 1],
] as const)("a turn that %s fails the job", async (ends, error, attempts) => {
  const { house, sessionId } = await open({ play: jobs({ ends }) })
  const job = await house.over(await house.instruct(sessionId, {}))
  expect([job?.state, job?.error, job?.attempt]).toEqual(["failed", error, attempts])
})

test("a turn that is over before its start is answered does not hang the job", async () => {
  const { house, sessionId } = await open()
  Object.assign(house.child, {
    startTurn: async ({ threadId }: { threadId: string }) => {
      const turn = (status: string) => ({ threadId, turn: { id: "quick", status } })
      house.ingest.take([said("turn/started", turn("inProgress"))], "run")
      house.ingest.take([said("turn/completed", turn("completed"))], "run")
      return { turnId: "quick", runId: "run" }
    },
  })
  const job = await house.over(await house.instruct(sessionId, {}))
  expect(job?.state).toBe("completed")
})

test("a job whose child died is tried again on a fresh turn", async () => {
  let dies = true
  let begun = false
  const play = (text: string): Play => {
    begun ||= isJob(text)
    return isJob(text) && dies ? {} : { ends: "completed" }
  }
  const { house, sessionId } = await open({ play })
  const id = await house.instruct(sessionId, {})
  expect(await house.until(() => begun)).toBe(true)
  await house.rest()
  dies = false
  const work: (() => void)[] = []
  house.now((tx) => house.acts.endRun(tx, { runId: "run", reason: "killed" }, (fn) => void work.push(fn)))
  for (const fn of work) fn()
  const job = await house.over(id)
  expect([job?.state, job?.attempt]).toEqual(["completed", 2])
  expect(job?.history[0]?.error).toBe("agent turn was cut off: killed")
  expect(house.turns.filter(({ text }) => isJob(text))).toHaveLength(2)
})

test("a turn whose attempt is over is not interrupted by the end of its signal", async () => {
  const { house, sessionId } = await open({ play: () => ({}) })
  const turns = createWorkerTurns(house)
  const attempt = new AbortController()
  const given = {
    sessionId,
    text: "do it",
    effort: undefined,
    signal: attempt.signal,
    tuple: house.rooms.controls.of(sessionId),
  }
  const begun = () => Promise.reject(new Error("no place on the disk"))
  expect(await house.settle(turns.run({ ...given, begun }).catch(String))).toMatch("no place on the disk")
  attempt.abort()
  await house.rest()
  expect(house.child.calls.map(([what]) => what)).not.toContain("interrupt")
})

test("a turn that is stopped before it is told of is interrupted, once", async () => {
  const { house, sessionId } = await open({ play: () => ({}) })
  const turns = createWorkerTurns(house)
  const attempt = new AbortController()
  const given = {
    sessionId,
    text: "do it",
    effort: undefined,
    signal: attempt.signal,
    tuple: house.rooms.controls.of(sessionId),
  }
  const begun = async () => attempt.abort()
  const stopped = await house.settle(turns.run({ ...given, begun }).catch((error: unknown) => error))
  expect(stopped).toBeInstanceOf(Stopped)
  await house.rest()
  expect(house.child.calls.filter(([what]) => what === "interrupt")).toHaveLength(1)
})

test("a job that comes before its extension is loaded waits for it", async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const agents: ReturnType<typeof loaded> = []
  const { house, sessionId } = await open({ play: jobs(done), loaded: agents, whenLoaded: promise })
  const id = await house.instruct(sessionId, { agent: "a" })
  await house.rest()
  expect(house.jobs.queue().find(id)?.state).toBe("running")
  agents.push(...loaded())
  resolve()
  expect((await house.over(id))?.state).toBe("completed")
})

test("a tool call reaches what the job is about, and nothing of another job", async () => {
  const entry = { messageId: "m", type: "note", content: "seen", status: "complete" }
  const calls = [
    { tool: "transcript_upsert", args: entry },
    { tool: "transcript_upsert", args: { ...entry, sessionId: "other" } },
    { tool: "session_rename", args: { title: "Named" } },
    { tool: "lamp", args: {} },
  ]
  const { house, sessionId } = await open({ play: jobs({ calls, ends: "completed" }) })
  await house.over(await house.instruct(sessionId, { actions: ["transcript.upsert"] }))
  const answers = house.child.calls.filter(([what]) => what === "answer").map(([, , , answer]) => answer)
  const texts = (answers as { success: boolean; contentItems: { text: string }[] }[]).map(
    ({ success, contentItems }) => [success, contentItems[0]?.text.slice(0, 24)],
  )
  expect(texts.sort()).toEqual(
    [
      [true, '{"status":"performed","d'],
      [false, '{"status":"forbidden","d'],
      [false, '{"status":"forbidden","d'],
      [false, "lamp is unsupported here"],
    ].sort(),
  )
  const rows = await house.settle(house.rooms.transcript.read(sessionId))
  expect(rows.filter(({ messageId }) => messageId === "m")).toMatchObject([{ content: "seen", turnId: "u" }])
  expect(house.rooms.sessions.titleOf(sessionId)).toBe("New chat")
})

test("a call without a job is a failed call", async () => {
  const { house, sessionId } = await open({ play: jobs(done) })
  await house.over(await house.instruct(sessionId, {}))
  const threadId = house.turns[0]?.sessionId ?? ""
  const call = { threadId, turnId: "w-1", callId: "c", tool: "session_rename", arguments: { title: "x" } }
  house.ingest.take([{ kind: "request", method: "item/tool/call", params: call, rpcId: 9, raw: "{}" }], "run")
  await house.rest()
  expect(house.child.calls.at(-1)).toMatchObject(["answer", "run", 9, { success: false }])
})

test("action intents are performed once each, also by another attempt", async () => {
  const intent = (actionType: string, payload: object) => ({ kind: "action_request", actionType, payload })
  const intents = [
    intent("session.rename", { title: "Named" }),
    intent("queue.enqueue", { type: "session.message", payload: { text: "hi" } }),
  ]
  const says = `Here:\n\`\`\`json\n${JSON.stringify({ kind: "action_intents", intents })}\n\`\`\``
  const { house, sessionId } = await open({ play: jobs({ says, ends: "completed" }) })
  const run = () => house.instruct(sessionId, { expectResponse: "action_intents" })
  const failed = await house.over(await run())
  expect(failed?.error).toMatch(/^action intent 2, queue.enqueue, was failed: .*invalid_payload/)
  expect(house.rooms.sessions.titleOf(sessionId)).toBe("Named")
  const [row] = (await house.settle(house.rooms.transcript.read(sessionId))).filter(
    ({ type }) => type === "agent.jobOutput",
  )
  expect(row).toMatchObject({ status: "error" })
  intents.pop()
  const again = await openWorkerHouse({
    play: jobs({ says: JSON.stringify({ kind: "action_intents", intents }), ends: "completed" }),
  })
  closing.push(again)
  const other = await again.session()
  const ok = await again.over(await again.instruct(other, { expectResponse: "action_intents" }))
  expect(JSON.parse(ok?.result ?? "{}")).toMatchObject({
    status: "ok",
    actionResults: [{ status: "performed" }],
  })
  const twice = await again.over(await again.instruct(other, { expectResponse: "action_intents" }))
  // The same effect of the same job: what it did first is its answer.
  expect(JSON.parse(twice?.result ?? "{}").actionResults).toEqual(
    JSON.parse(ok?.result ?? "{}").actionResults,
  )
})

test.each([
  ["nobody", /unknown agent: nobody/],
  ["../up", /unknown agent/],
])("an agent that is not there fails the job: %s", async (agent, error) => {
  const { house, sessionId } = await open()
  const job = await house.over(await house.instruct(sessionId, { agent }))
  expect(job?.state).toBe("failed")
  expect(job?.error).toMatch(error)
})

test("a codex that gives no tools is said so", async () => {
  const { house, sessionId } = await open()
  Object.assign(house.child, {
    startThread: async () => {
      throw new Fault("method_not_supported", "thread/start.dynamicTools requires experimentalApi capability")
    },
  })
  const job = await house.over(await house.instruct(sessionId, {}))
  expect(job?.state).toBe("failed")
  expect(job?.error).toMatch(/^worker_tools_unavailable/)
})

test("promised rows stream from the start and end as the job does, be it cancelled while it waits", async () => {
  const { house, sessionId } = await open({ play: jobs({}) })
  const targets = [
    { messageId: "t", type: "turn.review", placeholderTexts: ["wait"], canceledFallback: "stopped" },
  ]
  const id = await house.instruct(sessionId, { supplementalTargets: targets })
  await house.rest()
  const row = () => house.rooms.transcript.find(house.db, sessionId, "t")
  expect(row()).toMatchObject({ status: "streaming", content: "wait" })
  await house.settle(house.jobs.queue().cancel(id, "api_cancel"))
  expect((await house.over(id))?.state).toBe("canceled")
  expect(row()).toMatchObject({ status: "canceled", content: "stopped" })
  await house.settle(house.jobs.queue().pause())
  const waiting = await house.instruct(sessionId, {
    jobKind: "other",
    supplementalTargets: [{ ...targets[0], messageId: "t2" }],
  })
  await house.settle(house.jobs.queue().cancel(waiting, "api_cancel"))
  expect(house.rooms.transcript.find(house.db, sessionId, "t2")).toMatchObject({ status: "canceled" })
})
