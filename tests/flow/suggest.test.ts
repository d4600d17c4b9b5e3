// A request for a suggestion, put to extensions: whose job counts, under which key it is answered, and what is said where nobody
// takes it up.

import { expect, test } from "bun:test"
import { Fault } from "../../src/base/fault.ts"
import type { Envelope, SuggestRequestRequested } from "../../src/engine/host/contract.ts"
import { createSuggest, type Wishes } from "../../src/flow/workers/suggest.ts"
import { openRooms, said } from "../support/rooms.ts"

function open(envelopes: Envelope[], refusal?: Fault) {
  const { rooms, clock, ingest } = openRooms()
  ingest.take([said("thread/started", { thread: { id: "s" } })], "run")
  const asked: { type: string; payload: SuggestRequestRequested }[] = []
  const extensions = {
    ask: async (type: string, payload: unknown) => {
      asked.push({ type, payload: payload as SuggestRequestRequested })
      return { envelopes, refusal }
    },
  }
  const config = { orchestratorSuggestRequestWaitMs: 1 }
  const suggest = createSuggest({ config, clock, rooms, extensions, jobs: { queue: () => ({}) as never } })
  const session = rooms.sessions.find("s")
  if (!session) throw new Error("there is no session")
  return { asked, ask: (wishes: Wishes = {}) => suggest.ask(session, wishes) }
}

const job = (id: string, key: string) => ({ id, payload: { completionSignal: { requestKey: key } } })
const queued = (status: "enqueued" | "already_queued", it: Record<string, unknown>): Envelope => ({
  kind: "enqueue_result",
  moduleName: "x",
  status,
  job: it,
})
const failed: Envelope = { kind: "handler_error", moduleName: "x", eventType: "e", error: "queue_full: full" }

test("the event carries what was wished and where it is", async () => {
  const { ask, asked } = open([queued("enqueued", job("j", "k"))])
  await ask({ draft: "now", effort: "low" })
  expect(asked).toMatchObject([
    {
      type: "suggest_request.requested",
      payload: {
        sessionId: "s",
        threadId: "s",
        projectId: "session:s",
        turnId: "suggest-request",
        draft: "now",
        effort: "low",
      },
    },
  ])
  expect(asked[0]?.payload).not.toHaveProperty("model")
})

test("the first that is new counts, else the first that was there, with the key that its text comes under", async () => {
  const there = queued("already_queued", job("old", "old-key"))
  const { ask } = open([failed, there, queued("enqueued", job("new", "new-key"))])
  expect(await ask()).toMatchObject({ jobId: "new", requestKey: "new-key", dedupe: "enqueued" })
  expect(await open([there]).ask()).toMatchObject({
    jobId: "old",
    requestKey: "old-key",
    dedupe: "already_queued",
  })
  const plain = { id: "p", payload: { requestKey: "plain" } }
  expect(await open([queued("already_queued", plain)]).ask()).toMatchObject({ requestKey: "plain" })
  const keyless = open([queued("enqueued", { id: "n", payload: {} })])
  expect((await keyless.ask()).requestKey).toBe(keyless.asked[0]?.payload.requestKey ?? "")
})

test("a job that was handed in by an action counts like one by the tool", async () => {
  const details = { enqueueStatus: "enqueued", job: job("a", "k") }
  const acted = {
    kind: "action_result",
    moduleName: "x",
    actionType: "queue.enqueue",
    status: "performed",
    details,
  } as const
  expect(await open([acted]).ask()).toMatchObject({ jobId: "a", requestKey: "k" })
  const refused = { ...acted, status: "failed", details: { message: "full" } } as const
  expect(open([refused]).ask()).rejects.toMatchObject({ code: "job_conflict" })
})

test("the queue's refusal reaches the caller, and where nobody takes it up it is a conflict", async () => {
  const full = new Fault("queue_full", "full")
  expect(open([failed], full).ask()).rejects.toMatchObject({
    code: "queue_full",
    details: { sessionId: "s" },
  })
  expect(open([failed]).ask()).rejects.toMatchObject({ code: "job_conflict", details: { sessionId: "s" } })
  expect(open([]).ask()).rejects.toMatchObject({ code: "job_conflict" })
})
