// What the child asks of a person: approvals, tool calls, tool input (wire-contract §1.8, §9.3).

import { strict as assert } from "node:assert"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { Listener, Reply } from "../../support/client.ts"
import { assertFrames } from "../frames.ts"
import {
  approvalOf,
  type Check,
  decide,
  ended,
  entriesOf,
  get,
  hear,
  newSession,
  post,
  type Row,
  read,
  send,
  turnIn,
  type World,
} from "../world.ts"

const listOf = async (world: World, sessionId: string, kind: string): Promise<Row[]> =>
  (await get<{ data: Row[] }>(world, `/api/sessions/${sessionId}/${kind}`)).body.data

/** A session in which a command waits that would write `file`. */
async function asking(world: World, file: string) {
  const sessionId = await newSession(world)
  const listener = await hear(world, `threadId=${sessionId}`)
  const turnId = await send(world, sessionId, `run: echo written > ${file}\necho: said`)
  const { payload } = await approvalOf(listener, turnId)
  return { sessionId, listener, turnId, row: payload as unknown as Row & { approvalId: string } }
}

const resolved = (listener: Listener, key: "approvalId" | "requestId", id: unknown) =>
  listener.until((f) => f.type.endsWith("_resolved") && f.payload[key] === id, `the end of request ${id}`)

/** Taken, and by whom. */
function assertDone({ status, body }: Reply, about: Record<string, unknown>): void {
  const { decidedAt, ...rest } = body
  assert.ok(!Number.isNaN(Date.parse(String(decidedAt))))
  assert.deepEqual([status, rest], [200, { status: "ok", ...about, decidedBy: "user", decidedFrom: "api" }])
}

const tool = {
  name: "weather",
  description: "The weather of a town",
  inputSchema: { type: "object", properties: { town: { type: "string" } }, required: ["town"] },
}

export const requestChecks: Check[] = [
  {
    name: "a command waits in the list, is accepted once, and runs once",
    async run(world) {
      const { sessionId, listener, turnId, row } = await asking(world, "accepted.txt")
      assert.equal(row.method, "item/commandExecution/requestApproval")
      assert.deepEqual([row.threadId, row.turnId, row.status], [sessionId, turnId, "pending"])
      assert.match(row.summary, /echo written > accepted\.txt/)
      assert.match(String(row.details.command), /echo written/)
      assert.ok(!Number.isNaN(Date.parse(row.createdAt)))
      assert.deepEqual(await listOf(world, sessionId, "approvals"), [row])
      assert.deepEqual(await listOf(world, sessionId, "tool-input"), [])
      assert.deepEqual(await listOf(world, sessionId, "tool-calls"), [])
      assert.ok(!existsSync(join(world.daemon.work, "accepted.txt")))
      const waiting = entriesOf(await read(world, sessionId), turnId).find(
        (e) => e.type === "approval.request",
      )
      assert.deepEqual([waiting?.messageId, waiting?.status], [`approval-${row.approvalId}`, "complete"])

      const done = await decide(world, row.approvalId, "accept")
      assert.equal(done.status, 200)
      assert.equal(done.body.status, "ok")
      assert.deepEqual([done.body.approvalId, done.body.threadId], [row.approvalId, sessionId])
      const told = await resolved(listener, "approvalId", row.approvalId)
      assert.deepEqual(told.payload, {
        approvalId: row.approvalId,
        status: "resolved",
        decision: "accept",
        scope: "turn",
      })
      assert.deepEqual(await listOf(world, sessionId, "approvals"), [])
      const again = await decide(world, row.approvalId, "accept")
      assert.deepEqual([again.status, again.body.status], [200, "ok"])
      assert.equal((await ended(listener, turnId)).payload.params?.turn?.status, "completed")
      assert.equal((await decide(world, row.approvalId, "accept")).status, 200)
      for (const decision of ["decline", "cancel"]) {
        const other = await decide(world, row.approvalId, decision)
        assert.equal(other.status, 409, JSON.stringify(other.body))
        const { status, code, approvalId, threadId } = other.body
        assert.deepEqual(
          { status, code, approvalId, threadId },
          { status: "reconciled", code: "already_resolved", approvalId: row.approvalId, threadId: sessionId },
        )
      }
      assert.equal(readFileSync(join(world.daemon.work, "accepted.txt"), "utf8"), "written\n")
      assert.equal(listener.frames.filter((f) => f.type === "approval_resolved").length, 1)
      assertFrames(listener.frames)

      const after = await read(world, sessionId)
      const types = entriesOf(after, turnId).map((e) => e.type)
      assert.deepEqual(types.toSorted(), [
        "agentMessage",
        "approval.resolved",
        "commandExecution",
        "userMessage",
      ])
      const command = entriesOf(after, turnId).find((e) => e.type === "commandExecution")
      assert.equal(JSON.parse(command?.details ?? "{}").exitCode, 0)
      assert.equal(command?.messageId, row.itemId)
      listener.close()
    },
  },
  {
    name: "a declined command does not run, and the turn ends",
    async run(world) {
      const { sessionId, listener, turnId, row } = await asking(world, "declined.txt")
      assert.equal((await decide(world, row.approvalId, "decline")).status, 200)
      await ended(listener, turnId)
      assert.ok(!existsSync(join(world.daemon.work, "declined.txt")))
      const item = turnIn(await read(world, sessionId), turnId).items.find(
        (i) => i.type === "commandExecution",
      )
      assert.equal(item?.status, "declined")
      assertFrames(listener.frames)
      listener.close()
    },
  },
  {
    name: "a cancelled command does not run, and its turn is interrupted",
    async run(world) {
      const { sessionId, listener, turnId, row } = await asking(world, "cancelled.txt")
      assert.equal((await decide(world, row.approvalId, "cancel")).status, 200)
      assert.equal((await ended(listener, turnId)).payload.params?.turn?.status, "interrupted")
      assert.ok(!existsSync(join(world.daemon.work, "cancelled.txt")))
      const told = listener.frames.filter((f) => f.type === "approval_resolved").map((f) => f.payload)
      assert.deepEqual(told, [
        { approvalId: row.approvalId, status: "resolved", decision: "cancel", scope: "turn" },
      ])
      assert.equal(turnIn(await read(world, sessionId), turnId).status, "interrupted")
      assertFrames(listener.frames)
      listener.close()
    },
  },
  {
    name: "of many decisions at once one wins, and the others hear so",
    async run(world) {
      const { listener, turnId, row } = await asking(world, "raced.txt")
      const words = ["accept", "decline", "accept", "decline", "accept", "decline"]
      const replies = await Promise.all(words.map((word) => decide(world, row.approvalId, word)))
      const told = await resolved(listener, "approvalId", row.approvalId)
      const won = told.payload.decision
      replies.forEach((reply, i) => {
        assert.equal(reply.status, words[i] === won ? 200 : 409, `${words[i]} after ${won}`)
        if (words[i] !== won) assert.equal(reply.body.code, "already_resolved")
      })
      await ended(listener, turnId)
      assert.equal(existsSync(join(world.daemon.work, "raced.txt")), won === "accept")
      assert.equal(listener.frames.filter((f) => f.type === "approval_resolved").length, 1)
      listener.close()
    },
  },
  {
    name: "an interrupt expires what waits: told, gone from the list, 404 afterwards",
    async run(world) {
      const { sessionId, listener, turnId, row } = await asking(world, "expired.txt")
      assert.equal((await post(world, `/api/sessions/${sessionId}/interrupt`)).status, 200)
      const told = await resolved(listener, "approvalId", row.approvalId)
      assert.deepEqual(told.payload, { approvalId: row.approvalId, status: "expired" })
      assert.equal((await ended(listener, turnId)).payload.params?.turn?.status, "interrupted")
      assert.deepEqual(await listOf(world, sessionId, "approvals"), [])
      const late = await decide(world, row.approvalId, "accept")
      assert.deepEqual([late.status, late.body], [404, { status: "not_found", approvalId: row.approvalId }])
      assert.ok(!existsSync(join(world.daemon.work, "expired.txt")))
      const entry = entriesOf(await read(world, sessionId), turnId).find((e) =>
        e.type.startsWith("approval."),
      )
      assert.equal(entry?.type, "approval.resolved")
      assertFrames(listener.frames)
      listener.close()
    },
  },
  {
    name: "accepted for the session, the same command asks no more where the binary offers that",
    async run(world) {
      const { sessionId, listener, turnId, row } = await asking(world, "often.txt")
      const offered = row.details.availableDecisions
      const holds = !Array.isArray(offered) || offered.includes("acceptForSession")
      const { status, body } = await decide(world, row.approvalId, "accept", { scope: "session" })
      assert.deepEqual([status, body.scope], [200, holds ? "session" : "turn"])
      await ended(listener, turnId)
      assert.equal((await decide(world, row.approvalId, "accept", { scope: "session" })).status, 200)
      const next = await send(world, sessionId, "run: echo written > often.txt\necho: said")
      const first = await listener.until(
        (f) =>
          (f.payload.turnId === next && f.type === "approval") ||
          (f.type === "notification" &&
            f.payload.params?.turn?.id === next &&
            f.payload.method === "turn/completed"),
        "an approval or the end",
      )
      assert.equal(first.type, holds ? "notification" : "approval")
      if (!holds) await decide(world, first.payload.approvalId, "accept")
      await ended(listener, next)
      listener.close()
    },
  },
  {
    name: "a dynamic tool is called, listed, answered once under both of its ids, and the turn goes on",
    async run(world) {
      const sessionId = await newSession(world, { dynamicTools: [tool] })
      const listener = await hear(world, `threadId=${sessionId}`)
      const turnId = await send(world, sessionId, 'call: weather {"town":"Ulm"}')
      const asked = await listener.until((f) => f.type === "tool_call_requested", "the call")
      const signal = listener.frames.find((f) => f.type === "app_server.request.item.tool.call")
      const { requestId } = asked.payload
      assert.equal(String(signal?.payload.requestId), requestId)
      const { tool: name, arguments: given, status, method } = asked.payload
      assert.deepEqual(
        { name, given, status, method },
        {
          name: "weather",
          given: { town: "Ulm" },
          status: "pending",
          method: "item/tool/call",
        },
      )
      assert.deepEqual(await listOf(world, sessionId, "tool-calls"), [asked.payload as unknown as Row])
      const done = await post(world, `/api/tool-calls/${requestId}/response`, { text: "sunny in Ulm" })
      assertDone(done, { requestId, threadId: sessionId })
      const told = await resolved(listener, "requestId", requestId)
      assert.deepEqual(told.payload, { requestId, status: "resolved", success: true })
      assert.equal((await ended(listener, turnId)).payload.params?.turn?.status, "completed")
      assert.deepEqual(await listOf(world, sessionId, "tool-calls"), [])
      const after = await read(world, sessionId)
      assert.match(entriesOf(after, turnId).at(-1)?.content ?? "", /sunny in Ulm/)
      assertFrames(listener.frames)
      const unknown = await post(world, "/api/tool-calls/nothing/response", { text: "x" })
      assert.deepEqual([unknown.status, unknown.body], [404, { status: "not_found", requestId: "nothing" }])
      listener.close()
    },
  },
  {
    name: "a question is put to the person where the binary has them, and the answer reaches the model",
    async run(world) {
      const sessionId = await newSession(world)
      const listener = await hear(world, `threadId=${sessionId}`)
      const turnId = await send(world, sessionId, "ask: Which colour? | red | blue")
      if (world.codexVersion === "0.105.0") {
        // It has them in plan mode only: the model is told so, nobody is asked.
        await ended(listener, turnId)
        assert.ok(!listener.frames.some((f) => f.type === "tool_user_input_requested"))
        return listener.close()
      }
      const asked = await listener.until((f) => f.type === "tool_user_input_requested", "the question")
      const { requestId, questions = [], summary } = asked.payload
      assert.equal(summary, "1 question")
      const { isBlocking, autoResolutionMs } = asked.payload
      const urgency = world.codexVersion === "0.130.0" ? [undefined, undefined] : [false, null]
      assert.deepEqual([isBlocking, autoResolutionMs], urgency)
      const [question] = questions as unknown as Record<string, unknown>[]
      assert.deepEqual(Object.keys(question ?? {}).sort(), [
        "header",
        "id",
        "isOther",
        "isSecret",
        "options",
        "question",
      ])
      assert.deepEqual(await listOf(world, sessionId, "tool-input"), [asked.payload as unknown as Row])
      const answers = { [String(question?.id)]: { answers: ["blue"] } }
      const done = await post(world, `/api/tool-input/${requestId}/decision`, { decision: "accept", answers })
      assertDone(done, { requestId, threadId: sessionId })
      const told = await resolved(listener, "requestId", requestId)
      assert.deepEqual(told.payload, { requestId, status: "resolved", decision: "accept" })
      await ended(listener, turnId)
      assert.match(entriesOf(await read(world, sessionId), turnId).at(-1)?.content ?? "", /blue/)
      assertFrames(listener.frames)
      listener.close()
    },
  },
  {
    name: "a declined question leaves the turn going",
    async run(world) {
      if (world.codexVersion === "0.105.0") return
      const sessionId = await newSession(world)
      const listener = await hear(world, `threadId=${sessionId}`)
      const turnId = await send(world, sessionId, "ask: Which colour? | red | blue\necho: whatever")
      const asked = await listener.until((f) => f.type === "tool_user_input_requested", "the question")
      const done = await post(world, `/api/tool-input/${asked.payload.requestId}/decision`, {
        decision: "decline",
      })
      assert.equal(done.status, 200)
      assert.equal((await ended(listener, turnId)).payload.params?.turn?.status, "completed")
      assert.equal((await read(world, sessionId)).transcript.at(-1)?.content, "whatever")
      listener.close()
    },
  },
]
