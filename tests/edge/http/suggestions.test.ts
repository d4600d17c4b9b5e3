// The three routes of suggested requests: every status, and the defects of the contract that are not reproduced (§1.10 a–d).

import { afterEach, expect, test } from "bun:test"
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
const keyIn = (text: string): string => /"requestKey": \{\s*"const": "([^"]+)"/.exec(text)?.[1] ?? ""
/** Gives the suggestion once it is asked for. */
const gives =
  (suggestion: string) =>
  (text: string): Play => {
    const requestKey = keyIn(text)
    if (requestKey === "") return { says: "ready", ends: "completed" }
    const args = { requestKey, status: "complete", suggestion }
    return { calls: [{ tool: "suggestion_upsert", args }], says: "done", ends: "completed" }
  }
const hangs = (text: string): Play => (keyIn(text) === "" ? { ends: "completed" } : {})
const path = (sessionId: string, more = "") => `/sessions/${sessionId}/suggested-request${more}`

test("the synchronous route says ok with the worker's own text", async () => {
  const { house, sessionId } = await open({ play: gives("Now test it.") })
  const [status, body] = await house.call(path(sessionId), {})
  expect([status, body.status, body.suggestion, body.sessionId]).toEqual([
    200,
    "ok",
    "Now test it.",
    sessionId,
  ])
  const frames = house.told.filter(({ type }) => type === "suggestion.updated")
  expect(frames.map(({ body }) => JSON.parse(body))).toEqual([
    { sessionId, requestKey: body.requestKey, status: "complete", suggestion: "Now test it." },
  ])
})

test("an answer that was already under way is answered with its own key, and it is the one that is told", async () => {
  const { house, sessionId } = await open({ play: hangs })
  const [, first] = await house.call(path(sessionId, "/jobs"), {})
  const [status, second] = await house.call(path(sessionId, "/jobs"), {})
  expect([status, second.dedupe, second.jobId, second.requestKey]).toEqual([
    202,
    "already_queued",
    first.jobId,
    first.requestKey,
  ])
  expect(first).toMatchObject({
    status: "queued",
    sessionId,
    projectId: `session:${sessionId}`,
    dedupe: "enqueued",
  })
})

test.each([
  ["  write tests  ", "write tests"],
  [undefined, "Continue with the next step."],
])("at the deadline the job is done with a fallback: draft %p", async (draft, suggestion) => {
  const { house, sessionId } = await open({ play: hangs })
  const [, body] = await house.call(path(sessionId, "/jobs"), draft === undefined ? {} : { draft })
  while (!house.turns.some(({ text }) => keyIn(text) !== "")) await house.rest()
  house.clock.turn(12_000)
  const isInterrupted = () => house.child.calls.some(([what]) => what === "interrupt")
  while (!isInterrupted()) await house.rest()
  await house.rest()
  expect(house.jobs.queue().find(String(body.jobId))?.state).toBe("completed")
  expect(house.rooms.suggestions.find(sessionId, String(body.requestKey))).toMatchObject({
    status: "complete",
    suggestion,
    fallback: true,
  })
})

test("a worker that ends without a suggestion leaves the fallback, and nobody waits for ever", async () => {
  const { house, sessionId } = await open()
  const [status, body] = await house.call(path(sessionId), { draft: "go on" })
  expect([status, body.status, body.suggestion]).toEqual([200, "fallback", "go on"])
})

test("a worker that fails leaves an error, and the caller the fallback", async () => {
  const play = (text: string): Play => ({ ends: keyIn(text) === "" ? "completed" : "failed" })
  const { house, sessionId } = await open({ play })
  const [status, body] = await house.call(path(sessionId), {})
  expect([status, body.status]).toEqual([200, "fallback"])
  const state = house.rooms.suggestions.find(sessionId, String(body.requestKey))
  expect(state).toMatchObject({ status: "error", error: "agent turn failed: it broke" })
  expect((await house.settle(house.rooms.transcript.read(sessionId))).map(({ type }) => type)).toEqual([])
})

test("what takes longer than a caller may wait is answered 202", async () => {
  const { house, sessionId } = await open({ play: hangs })
  await house.settle(house.jobs.queue().pause())
  const answer = house.ask(path(sessionId), {})
  await house.rest()
  house.clock.turn(12_000)
  const [status, body] = await house.settle(answer)
  expect([status, body.status, body.dedupe]).toEqual([202, "queued", "enqueued"])
  expect(body.jobId).toBeString()
})

test("a full queue is 429, not a conflict, and names the session", async () => {
  const { house, sessionId } = await open({ config: { orchestratorQueueMaxGlobal: 1 } })
  await house.settle(house.jobs.queue().pause())
  await house.call(path(await house.session(), "/jobs"), {})
  for (const more of ["", "/jobs"]) {
    const [status, body] = await house.call(path(sessionId, more), {})
    expect([status, body.code, body.sessionId]).toEqual([429, "queue_full", sessionId])
  }
})

test("with the queue off both are 503 before the body is looked at; giving a suggestion works", async () => {
  const { house, sessionId } = await open({ config: { orchestratorQueueEnabled: false } })
  for (const more of ["", "/jobs"]) {
    const [status, body] = await house.call(path(sessionId, more), { draft: 7 })
    expect([status, body.code, body.sessionId]).toEqual([503, "job_conflict", sessionId])
  }
  const given = { requestKey: "k", status: "complete", suggestion: "x" }
  expect((await house.call(path(sessionId, "/upsert"), given))[0]).toBe(200)
})

test("gates come first: the system's own is 403, an unknown one 404, a deleted one 410, a bad body 400", async () => {
  const { house, sessionId } = await open({ play: gives("x") })
  await house.call(path(sessionId), {})
  const worker = house.turns[0]?.sessionId ?? ""
  for (const more of ["", "/jobs", "/upsert"]) {
    expect((await house.call(path(worker, more), {}))[0]).toBe(403)
    expect((await house.call(path("nobody", more), {}))[0]).toBe(404)
    expect((await house.call(path(sessionId, more), { draft: "", requestKey: "" }))[0]).toBe(400)
  }
  await house.settle(house.life.remove(sessionId))
  for (const more of ["", "/jobs", "/upsert"])
    expect((await house.call(path(sessionId, more), {}))[0]).toBe(410)
  // Whoever worked for it went with it.
  expect(house.rooms.sessions.find(worker)).toBeUndefined()
})

test("giving one: the text stays, an end is not reopened, times are ISO, a complete one needs its text", async () => {
  const { house, sessionId } = await open()
  const give = (body: object) => house.call(path(sessionId, "/upsert"), { requestKey: "k", ...body })
  const [, missing] = await give({ status: "complete" })
  expect(missing).toMatchObject({ status: "invalid_request", code: "missing_suggestion" })
  expect((await give({ status: "complete", suggestion: "  " }))[1]).toMatchObject({ code: "invalid_request" })
  await give({ status: "streaming", suggestion: "a" })
  const [status, first] = await give({ status: "complete", suggestion: " a test " })
  const updatedAt = new Date(house.clock.now()).toISOString()
  expect([status, first]).toEqual([
    200,
    {
      status: "ok",
      sessionId,
      requestKey: "k",
      entry: { status: "complete", suggestion: "a test", updatedAt },
    },
  ])
  expect((await give({ status: "streaming", suggestion: "late" }))[1].entry).toEqual(first.entry)
  expect((await give({ status: "error" }))[1].entry).toMatchObject({ status: "error", suggestion: "a test" })
  expect((await give({ status: "canceled" }))[1].entry).not.toHaveProperty("error")
  const told = house.told.filter(({ type }) => type === "suggestion.updated")
  expect(told.map(({ body }) => JSON.parse(body).status)).toEqual([
    "streaming",
    "complete",
    "error",
    "canceled",
  ])
})
