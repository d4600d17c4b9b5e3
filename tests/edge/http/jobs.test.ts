// Jobs through the whole of HTTP: every route with every answer, the frames they cause, and what the two kinds of our own do
// in the rooms.

import { expect, test } from "bun:test"
import { Fault } from "../../../src/base/fault.ts"
import { startJobs as start } from "../../support/jobs.ts"
import { createToldChild } from "../../support/rooms.ts"

const frames = (house: { told: { type: string; thread: string | null; body: string }[] }) =>
  house.told.flatMap((e) =>
    e.type.startsWith("job.") ? [[e.type, e.thread, JSON.parse(e.body)] as const] : [],
  )

test("a message's job sends it once and says which turn has it", async () => {
  const { house, enqueue, session, over, call } = await start()
  const sessionId = await session()
  const { id } = await enqueue("session.message", { sessionId, text: "hello" }, { source: sessionId })
  expect((await over(id))?.state).toBe("completed")
  const starts = house.child.calls.filter(([name]) => name === "start")
  expect(starts).toHaveLength(1)
  expect(starts[0]?.[1]).toMatchObject({ threadId: sessionId, text: "hello" })
  const [status, body] = await call("GET", `/orchestrator/jobs/${id}`)
  expect(status).toBe(200)
  expect(body.job).toMatchObject({
    id,
    type: "session.message",
    version: 1,
    projectId: "P",
    sourceSessionId: sessionId,
    priority: "interactive",
    state: "completed",
    dedupeKey: null,
    result: { sessionId, turnId: "turn-1" },
    error: null,
    attempts: 1,
    nextAttemptAt: null,
    cancelRequestedAt: null,
    runningContext: { threadId: sessionId, turnId: "turn-1" },
  })
  expect(body.attempts).toMatchObject([{ attempt: 1, outcome: "completed", error: null }])
  const about = { jobId: id, projectId: "P", jobType: "session.message", sourceSessionId: sessionId }
  expect(frames(house)).toEqual([
    ["job.queued", sessionId, { ...about, state: "queued" }],
    ["job.started", sessionId, { ...about, state: "running" }],
    ["job.completed", sessionId, { ...about, state: "completed", result: { sessionId, turnId: "turn-1" } }],
  ])
})

test("a child that is away is waited for, and the message is still sent once", async () => {
  const child = createToldChild()
  let away = 2
  const { startTurn } = child
  child.startTurn = async (turn) => {
    if (away-- > 0) throw new Fault("runtime_unavailable", "codex is starting")
    return startTurn(turn)
  }
  const { house, enqueue, session, over, call } = await start({}, child)
  const sessionId = await session()
  const { id } = await enqueue("session.message", { sessionId, text: "hello" })
  const done = over(id)
  let waits = true
  void done.finally(() => {
    waits = false
  })
  while (waits) {
    house.clock.turn(100)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect((await done)?.state).toBe("completed")
  const [, body] = await call("GET", `/orchestrator/jobs/${id}`)
  expect(body.attempts.map((one: { outcome: string }) => one.outcome)).toEqual([
    "retried",
    "retried",
    "completed",
  ])
  expect(house.child.calls.filter(([name]) => name === "start")).toHaveLength(1)
})

test("a message to nobody, or to a deleted session, fails with the reason", async () => {
  const { house, enqueue, session, over } = await start()
  const nobody = await enqueue("session.message", { sessionId: "nobody", text: "hello" })
  expect((await over(nobody.id))?.error).toBe("no such session")
  const sessionId = await session()
  await house.settle(house.life.remove(sessionId))
  const gone = await enqueue("session.message", { sessionId, text: "hello" })
  expect(await over(gone.id)).toMatchObject({ state: "failed", attempt: 1 })
})

test("a new session in a project: made, assigned, named and told its first message", async () => {
  const { house, enqueue, over, call } = await start()
  const [, made] = await call("POST", "/projects", { name: "Parser" })
  const { projectId } = made.project
  const { id } = await enqueue(
    "session.create",
    { projectId, title: "Nightly", text: "go" },
    { owner: projectId },
  )
  const job = await over(id)
  expect(job?.state).toBe("completed")
  const { sessionId, turnId } = JSON.parse(job?.result ?? "{}")
  expect(turnId).toBe("turn-1")
  expect(house.rooms.sessions.find(sessionId)).toMatchObject({ title: "Nightly", projectId })
  const lost = await enqueue("session.create", { projectId: "gone" })
  expect((await over(lost.id))?.state).toBe("failed")
})

test("lists: of a project oldest first, of all newest first, filtered and in pages", async () => {
  const { enqueue, call, pause } = await start()
  await pause("session.create")
  const a = await enqueue("session.create", { projectId: "x" }, { source: "S" })
  const b = await enqueue("session.create", { projectId: "x" }, { owner: "Q" })
  const c = await enqueue("session.create", { projectId: "x" })
  const ids = async (path: string) => (await call("GET", path))[1].data.map((job: { id: string }) => job.id)
  expect(await ids("/projects/P/orchestrator/jobs")).toEqual([a.id, c.id])
  expect(await ids("/projects/P/orchestrator/jobs?state=failed")).toEqual([])
  expect(await ids("/projects/session:nobody/orchestrator/jobs")).toEqual([])
  expect(await ids("/orchestrator/jobs")).toEqual([c.id, b.id, a.id])
  expect(await ids("/orchestrator/jobs?project=Q")).toEqual([b.id])
  expect(await ids("/orchestrator/jobs?session=S&state=queued&type=session.create")).toEqual([a.id])
  const [, first] = await call("GET", "/orchestrator/jobs?limit=2")
  expect(first.data).toHaveLength(2)
  const [, rest] = await call("GET", `/orchestrator/jobs?limit=2&cursor=${first.nextCursor}`)
  expect(rest).toMatchObject({ data: [{ id: a.id }], nextCursor: null })
  for (const bad of ["state=x", "limit=0", "cursor=x", "limit=1e3"])
    expect((await call("GET", `/orchestrator/jobs?${bad}`))[0]).toBe(400)
})

test("cancel and repeat, with every refusal", async () => {
  const { call, enqueue, pause, house, retryAfter } = await start()
  await pause()
  const { id } = await enqueue("session.create", { projectId: "x" })
  expect(await call("POST", "/orchestrator/jobs/nobody/cancel")).toMatchObject([
    404,
    { status: "not_found", jobId: "nobody" },
  ])
  expect((await call("POST", "/orchestrator/jobs/nobody/retry"))[0]).toBe(404)
  expect((await call("GET", "/orchestrator/jobs/nobody"))[0]).toBe(404)
  expect((await call("GET", "/orchestrator/jobs/%20"))[0]).toBe(400)
  expect(await call("POST", `/orchestrator/jobs/${id}/retry`)).toMatchObject([409, { code: "job_conflict" }])
  expect(await call("POST", `/orchestrator/jobs/${id}/cancel`)).toMatchObject([
    200,
    { status: "ok", job: { id, state: "canceled", error: "api_cancel" } },
  ])
  expect(await call("POST", `/orchestrator/jobs/${id}/cancel`)).toMatchObject([
    409,
    { status: "already_terminal", job: { id } },
  ])
  expect(frames(house).at(-1)).toMatchObject([
    "job.canceled",
    null,
    { error: "api_cancel", state: "canceled" },
  ])
  const [status, again] = await call("POST", `/orchestrator/jobs/${id}/retry`)
  expect([status, again]).toMatchObject([
    202,
    { status: "queued", retryOf: id, job: { retryOf: id, state: "queued" } },
  ])
  await enqueue("session.create", { projectId: "x" })
  const [full, body] = await call("POST", `/orchestrator/jobs/${id}/retry`)
  expect([full, body.status, body.code]).toEqual([429, "error", "queue_full"])
  expect(retryAfter()).toBe("2")
})

test("the queue can be held and let go by route", async () => {
  const { call, enqueue, over } = await start()
  expect(await call("POST", "/orchestrator/queue/pause", { type: "session.create" })).toMatchObject([
    200,
    { paused: { all: false, types: ["session.create"] } },
  ])
  expect(await call("POST", "/orchestrator/queue/pause")).toMatchObject([200, { paused: { all: true } }])
  const { id } = await enqueue("session.create", { projectId: "x" })
  await call("POST", "/orchestrator/queue/resume")
  expect(await call("GET", "/orchestrator/queue")).toMatchObject([
    200,
    { counts: { queued: 1 }, types: ["session.message", "session.create", "webhook.deliver"] },
  ])
  await call("POST", "/orchestrator/queue/resume", { type: "session.create" })
  expect((await over(id))?.state).toBe("failed")
  expect((await call("POST", "/orchestrator/queue/pause", { type: 7 }))[0]).toBe(400)
})

test("switched off, every job route says so, after it looked at the path and the query", async () => {
  const { call, jobs } = await start({ orchestratorQueueEnabled: false })
  const off = { status: "error", code: "job_conflict", message: expect.any(String) }
  for (const path of ["/orchestrator/jobs", "/orchestrator/jobs/x", "/projects/P/orchestrator/jobs"])
    expect(await call("GET", path)).toEqual([503, off])
  for (const path of ["x/cancel", "x/retry"])
    expect(await call("POST", `/orchestrator/jobs/${path}`)).toEqual([503, off])
  expect((await call("GET", "/projects/P/orchestrator/jobs?state=x"))[0]).toBe(400)
  expect(jobs.health()).toEqual({ enabled: false })
})

test("health counts jobs by state and by project", async () => {
  const { jobs, enqueue, over } = await start()
  const { id } = await enqueue("session.create", { projectId: "x" })
  await over(id)
  expect(jobs.health()).toMatchObject({ enabled: true, queued: 0, running: 0, failed: 1, projects: 1 })
})
