// What extensions are offered: which requests and turns, with which words, and that nothing is lost or said twice.

import { expect, test } from "bun:test"
import type { Envelope, FileChangeApprovalRequested, TurnCompleted } from "../../src/engine/host/contract.ts"
import type { Emitted } from "../../src/engine/host/run/dispatch.ts"
import type { Fed } from "../../src/engine/host/run/feed.ts"
import { createLife } from "../../src/flow/acts/life.ts"
import { deliverOffers } from "../../src/flow/extensions/deliver.ts"
import { noteWaiting } from "../../src/flow/extensions/note.ts"
import { scopeOf } from "../../src/flow/extensions/scope.ts"
import { hearSignals } from "../../src/flow/extensions/signals.ts"
import { asked, openRooms, said } from "../support/rooms.ts"

const changes = [{ path: "a.txt", kind: { type: "add" }, diff: "+hello" }]
const turn = (status: string) => ({ threadId: "s", turn: { id: "u", status } })
const item = (it: object) => ({ threadId: "s", turnId: "u", item: it })
const userMessage = { type: "userMessage", id: "m", content: [{ type: "text", text: "greet" }] }
const fileChange = { type: "fileChange", id: "f", status: "inProgress", changes }
const APPROVAL = "item/fileChange/requestApproval"

/** A host that answers each event with the next of `answers`. */
function open({ answers = [] as Envelope[][], project = true } = {}) {
  const house = openRooms()
  const { rooms, db, log, logger, clock, ingest, now } = house
  const emitted: Emitted[] = []
  const fed: Fed[] = []
  const heard = new Set(["app_server.turn.started", "app_server.request.item.file_change.request_approval"])
  const host = {
    emit: async (event: Emitted) => {
      emitted.push(event)
      return answers.shift() ?? []
    },
    hears: (type: string) => heard.has(type),
    heard: () => [...heard],
    feed: (event: Fed) => void fed.push(event),
  }
  const offers = deliverOffers({ db, log, logger, clock, rooms, host })
  const signals = hearSignals({ log, host, isDeleted: (id) => rooms.tombstones.has(id) })
  ingest.take([said("thread/started", { thread: { id: "s" } })], "run")
  if (project) {
    const projectId = "p"
    now((tx) => rooms.sessions.change(tx, "s", { projectId }, ["projectId"]))
  }
  const begin = () =>
    ingest.take([said("turn/started", turn("inProgress")), said("item/completed", item(userMessage))], "run")
  const ask = (id: number) =>
    ingest.take(
      [
        said("item/started", item(fileChange)),
        asked(id, APPROVAL, { threadId: "s", turnId: "u", itemId: "f" }),
      ],
      "run",
    )
  const end = (status = "completed") => ingest.take([said("turn/completed", turn(status))], "run")
  /** Until nothing of the deliveries waits. */
  const rest = () => house.settle(new Promise<void>((resolve) => void afterTurns(resolve, 60)))
  return { ...house, offers, signals, emitted, fed, begin, ask, end, rest, host }
}

/** So many turns of the promise queue. */
async function afterTurns(done: () => void, turns: number): Promise<void> {
  for (let n = 0; n < turns; n++) await Promise.resolve()
  done()
}

test("changes of files that wait for a person are offered once, with what would change and what was said", async () => {
  const house = open()
  house.offers.begin()
  house.begin()
  house.ask(0)
  await house.rest()
  expect(house.emitted).toHaveLength(1)
  const [{ type, payload, scope } = { type: "", payload: undefined, scope: {} }] = house.emitted
  const approvalId = house.rooms.requests.list("s", "approval")[0]?.approvalId as string
  expect(type).toBe("file_change.approval_requested")
  expect(payload).toMatchObject({
    context: {
      projectId: "p",
      sourceSessionId: "s",
      threadId: "s",
      turnId: "u",
      itemId: "f",
      approvalId,
      anchorItemId: "f",
      userRequest: "greet",
    },
    sourceEvent: "approval_request",
    fileChangeStatus: "pending_approval",
  })
  const { context, details } = payload as FileChangeApprovalRequested
  expect(JSON.parse(details)).toEqual({
    status: "pending_approval",
    changes: [{ path: "a.txt", kind: "add", diff: "+hello" }],
  })
  expect(context.turnTranscript).toStartWith("USER [userMessage]: greet\nSYSTEM [fileChange]: ")
  expect(scope).toEqual({ projectId: "p", sessionId: "s", turnId: "u" })
  house.ingest.take([said("turn/diff/updated", { threadId: "s", turnId: "u" })], "run")
  await house.rest()
  expect(house.emitted).toHaveLength(1)
})

test("a completed turn is offered with how often it asked; interrupted ones and those without changes are not", async () => {
  const house = open()
  house.offers.begin()
  house.begin()
  house.ask(0)
  house.ask(1)
  house.end()
  await house.rest()
  expect(house.emitted.map(({ type }) => type)).toEqual([
    "file_change.approval_requested",
    "file_change.approval_requested",
    "turn.completed",
  ])
  const payload = house.emitted[2]?.payload as TurnCompleted
  expect(payload).toMatchObject({
    context: { projectId: "p", turnId: "u", userRequest: "greet" },
    hadFileChangeRequests: true,
    fileChangeRequestCount: 2,
  })
  expect(payload.turnTranscriptSnapshot).toContain("USER [userMessage]: greet")
  const stopped = open()
  stopped.offers.begin()
  stopped.begin()
  stopped.ask(0)
  stopped.end("interrupted")
  await stopped.rest()
  expect(stopped.emitted.map(({ type }) => type)).toEqual(["file_change.approval_requested"])
  const plain = open()
  plain.offers.begin()
  plain.begin()
  plain.end()
  await plain.rest()
  expect(plain.emitted).toEqual([])
})

test("a session without a project offers nothing", async () => {
  const house = open({ project: false })
  house.offers.begin()
  house.begin()
  house.ask(0)
  house.end()
  await house.rest()
  expect(house.emitted).toEqual([])
})

test("what was offered to nobody yet waits, also over a restart, and goes with its session", async () => {
  const house = open()
  house.begin()
  house.ask(0)
  await house.rest()
  expect(house.emitted).toEqual([])
  expect(house.rooms.offers.waiting()).toHaveLength(1)
  house.offers.begin()
  await house.rest()
  expect(house.emitted).toHaveLength(1)
  expect(house.rooms.offers.waiting()).toEqual([])
  house.ask(1)
  house.now((tx) => house.rooms.offers.forget(tx, "s"))
  expect(house.rooms.offers.waiting()).toEqual([])
})

test("turn.completed is tried three times when nothing came of it, and once when something did", async () => {
  const nothing: Envelope[] = [{ kind: "handler_result", moduleName: "x" }]
  const house = open({ answers: [nothing, nothing, nothing, nothing] })
  house.offers.begin()
  house.begin()
  house.ask(0)
  house.end()
  for (let n = 0; n < 4; n++) {
    await house.rest()
    house.clock.turn(120)
  }
  await house.rest()
  expect(house.emitted.filter(({ type }) => type === "turn.completed")).toHaveLength(3)
  const queued: Envelope[] = [{ kind: "enqueue_result", moduleName: "x", status: "enqueued", job: {} }]
  const good = open({ answers: [nothing, queued] })
  good.offers.begin()
  good.begin()
  good.ask(0)
  good.end()
  await good.rest()
  good.clock.turn(1_000)
  await good.rest()
  expect(good.emitted.filter(({ type }) => type === "turn.completed")).toHaveLength(1)
})

test("a change is offered again when a handler failed, three times at most, and not when one took it up", async () => {
  const died: Envelope[] = [
    { kind: "handler_error", moduleName: "x", eventType: "e", error: "its host ended" },
  ]
  const queued: Envelope = { kind: "enqueue_result", moduleName: "y", status: "enqueued", job: {} }
  const times = async (answers: Envelope[][]) => {
    const house = open({ answers })
    house.offers.begin()
    house.begin()
    house.ask(0)
    for (let n = 0; n < 4; n++) {
      await house.rest()
      house.clock.turn(120)
    }
    await house.rest()
    expect(house.rooms.offers.waiting()).toEqual([])
    return house.emitted.length
  }
  expect(await times([died, died, died, died])).toBe(3)
  expect(await times([died, [queued]])).toBe(2)
  expect(await times([[...died, queued]])).toBe(1)
  expect(await times([[{ kind: "handler_result", moduleName: "x" }]])).toBe(1)
})

/** A change waits in a session of no project, and nobody was told. */
async function askedOutside() {
  const house = open({ project: false })
  house.offers.begin()
  house.begin()
  house.ask(0)
  await house.rest()
  expect(house.emitted).toEqual([])
  return house
}

test("what waited at the start and was never offered is offered then, once", async () => {
  const house = await askedOutside()
  house.now((tx) => house.rooms.sessions.change(tx, "s", { projectId: "p" }, ["projectId"]))
  house.ask(1)
  await house.rest()
  const again = async () => {
    house.now((tx) => noteWaiting(house.rooms, tx))
    house.offers.begin()
    await house.rest()
    return house.emitted.map(({ payload }) => {
      const { sourceEvent, context } = payload as FileChangeApprovalRequested
      return [sourceEvent, context.approvalId]
    })
  }
  const [first, second] = house.rooms.requests.list("s", "approval").map(({ approvalId }) => approvalId)
  const both = [
    ["approval_request", second],
    ["approvals_reconcile", first],
  ]
  expect(await again()).toEqual(both as never)
  expect(await again()).toEqual(both as never)
})

test("what waits in a session that is put into a project is offered then, once", async () => {
  const house = await askedOutside()
  const life = createLife({ ...house, joined: (tx, id) => noteWaiting(house.rooms, tx, id) })
  const { id: own } = house.now((tx) => house.rooms.projects.create(tx, { name: "p" }))
  for (const projectId of [own, null, own]) {
    await house.settle(life.assign("s", projectId))
    await house.rest()
    expect(house.emitted.map(({ payload }) => (payload as FileChangeApprovalRequested).sourceEvent)).toEqual([
      "approvals_reconcile",
    ])
  }
})

test("what Codex says reaches those that hear it, in its envelope; nothing of hidden or deleted sessions does", async () => {
  const house = open()
  house.begin()
  house.ask(7)
  expect(house.fed).toHaveLength(2)
  const [started, request] = house.fed
  expect(started).toMatchObject({
    type: "app_server.turn.started",
    delta: false,
    scope: { projectId: "p", sessionId: "s", turnId: "u" },
    payload: {
      source: "app_server",
      signalType: "notification",
      eventType: "app_server.turn.started",
      method: "turn/started",
      context: { threadId: "s", turnId: "u" },
      params: turn("inProgress"),
      session: { id: "s", title: null, projectId: "p" },
    },
  })
  const [approval] = house.rooms.requests.list("s", "approval")
  expect(request?.payload).toMatchObject({
    signalType: "request",
    method: APPROVAL,
    requestId: approval?.approvalId as string,
  })
  house.now((tx) => house.rooms.sessions.change(tx, "s", { systemOwned: true }, ["systemOwned"]))
  house.begin()
  expect(house.fed).toHaveLength(2)
})

test("the scope is the payload's: context first, then the top, then the session", () => {
  expect(scopeOf({ context: { projectId: "a", threadId: "t" }, projectId: "b", sessionId: "s" })).toEqual({
    projectId: "a",
    sessionId: "s",
    turnId: undefined,
  })
  expect(scopeOf({ sessionId: "s", turnId: "u", session: { projectId: "p" } })).toEqual({
    projectId: "p",
    sessionId: "s",
    turnId: "u",
  })
  expect(scopeOf(null)).toEqual({ projectId: undefined, sessionId: undefined, turnId: undefined })
})
