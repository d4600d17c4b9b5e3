// Turns, live from start to end (wire-contract §1.6, §2.3).

import { strict as assert } from "node:assert"
import { assertFrames } from "../frames.ts"
import {
  type Check,
  ended,
  entriesOf,
  get,
  hear,
  isNotification,
  newSession,
  post,
  read,
  runTurn,
  send,
  turnIn,
} from "../world.ts"

export const turnChecks: Check[] = [
  {
    name: "a turn is seen live from start to end, each notification as signal and as notification",
    async run(world) {
      const id = await newSession(world)
      const { listener, turnId, end } = await runTurn(world, id, "words: 20")
      const { frames } = listener
      assertFrames(frames)
      for (const frame of frames) {
        // Filtered by the session: only its own frames and those for everybody come.
        if (frame.threadId !== null) assert.equal(frame.threadId, id)
      }
      const methods = frames.filter((f) => f.type === "notification").map((f) => f.payload.method)
      for (const method of ["turn/started", "item/started", "item/completed", "turn/completed"]) {
        assert.ok(methods.includes(method), `no ${method} in ${methods}`)
      }
      const deltas = frames.filter(isNotification("item/agentMessage/delta", turnId))
      const words = Array.from({ length: 20 }, (_, i) => `w${i + 1}`).join(" ")
      assert.equal(deltas.map((f) => f.payload.params?.delta).join(""), words)
      const started = frames.findIndex(isNotification("turn/started", turnId))
      const delta = frames.findIndex(isNotification("item/agentMessage/delta", turnId))
      assert.ok(started >= 0 && started < delta && delta < frames.length - 1)
      assert.equal(end.payload.params?.turn?.status, "completed")
      const signal = frames.find((f) => f.type === "app_server.turn.completed")
      assert.deepEqual(signal?.payload.session, { id, title: "New chat", projectId: null })
      assert.ok(frames.some((f) => f.type === "thread_token_usage_updated"))
      listener.close()
    },
  },
  {
    name: "an interrupt without a turn is 409; a running one is interrupted and says so everywhere",
    async run(world) {
      const id = await newSession(world)
      const idle = await post(world, `/api/sessions/${id}/interrupt`)
      assert.deepEqual([idle.status, idle.body], [409, { status: "no_active_turn", sessionId: id }])
      const listener = await hear(world, `threadId=${id}`)
      const turnId = await send(world, id, "words: 100000 5")
      await listener.until(isNotification("item/agentMessage/delta", turnId), "words")
      const running = await read(world, id)
      assert.equal(turnIn(running, turnId).status, "inProgress")
      assert.equal(entriesOf(running, turnId).at(-1)?.status, "streaming")
      const stopped = await post(world, `/api/sessions/${id}/interrupt`)
      assert.deepEqual([stopped.status, stopped.body], [200, { status: "ok", sessionId: id, turnId }])
      const end = await ended(listener, turnId)
      assert.equal(end.payload.params?.turn?.status, "interrupted")
      assert.equal(end.payload.origin, undefined)
      const after = await read(world, id)
      assert.equal(turnIn(after, turnId).status, "interrupted")
      const entry = entriesOf(after, turnId).at(-1)
      assert.equal(entry?.type, "agentMessage")
      assert.equal(entry?.status, "canceled")
      const heard = listener.frames
        .filter(isNotification("item/agentMessage/delta", turnId))
        .map((f) => f.payload.params?.delta)
        .join("")
      assert.equal(entry?.content, heard)
      assert.equal((await post(world, `/api/sessions/${id}/interrupt`, { turnId })).status, 409)
      listener.close()
    },
  },
  {
    name: "an interrupt right behind the message ends its turn",
    async run(world) {
      const id = await newSession(world)
      const listener = await hear(world, `threadId=${id}`)
      const turnId = await send(world, id, "hang")
      const stopped = await post(world, `/api/sessions/${id}/interrupt`)
      assert.deepEqual([stopped.status, stopped.body], [200, { status: "ok", sessionId: id, turnId }])
      assert.equal((await ended(listener, turnId)).payload.params?.turn?.status, "interrupted")
      const next = await runTurn(world, id, "echo: next")
      assert.equal(next.end.payload.params?.turn?.status, "completed")
      next.listener.close()
      listener.close()
    },
  },
  {
    name: "a running command is interrupted, and the session goes on",
    async run(world) {
      const id = await newSession(world, { approvalPolicy: "never" })
      const listener = await hear(world, `threadId=${id}`)
      const turnId = await send(world, id, "run: sleep 1000")
      await listener.until(
        (f) =>
          isNotification("item/started", turnId)(f) && f.payload.params?.item?.type === "commandExecution",
        "the command",
      )
      const stopped = await post(world, `/api/sessions/${id}/interrupt`, { turnId })
      assert.deepEqual([stopped.status, stopped.body.turnId], [200, turnId])
      assert.equal((await ended(listener, turnId)).payload.params?.turn?.status, "interrupted")
      assertFrames(listener.frames)
      const next = await runTurn(world, id, "echo: still here")
      assert.equal(next.end.payload.params?.turn?.status, "completed")
      next.listener.close()
      listener.close()
    },
  },
  {
    name: "a message while a turn runs joins it",
    async run(world) {
      const id = await newSession(world)
      const listener = await hear(world, `threadId=${id}`)
      const turnId = await send(world, id, "slow: 1500\necho: first")
      await listener.until(isNotification("item/completed", turnId), "the first message")
      assert.equal(await send(world, id, "echo: second"), turnId)
      assert.equal((await ended(listener, turnId)).payload.params?.turn?.status, "completed")
      const after = await read(world, id)
      assert.deepEqual(
        after.thread.turns.map((t) => t.id),
        [turnId],
      )
      const users = entriesOf(after, turnId).filter((e) => e.role === "user")
      assert.deepEqual(
        users.map((e) => e.content),
        ["slow: 1500\necho: first", "echo: second"],
      )
      assert.equal(entriesOf(after, turnId).at(-1)?.content, "second")
      assertFrames(listener.frames)
      listener.close()
    },
  },
  {
    name: "messages sent at once end up in turns that end, none lost",
    async run(world) {
      const id = await newSession(world)
      const listener = await hear(world, `threadId=${id}`)
      const texts = ["echo: a", "echo: b", "echo: c", "echo: d"]
      const turnIds = await Promise.all(texts.map((text) => send(world, id, text)))
      for (const turnId of turnIds) await ended(listener, turnId)
      const after = await read(world, id)
      const users = after.transcript.filter((e) => e.role === "user").map((e) => e.content)
      assert.deepEqual(users.toSorted(), texts)
      for (const turn of after.thread.turns) assert.equal(turn.status, "completed")
      assert.equal((await post(world, `/api/sessions/${id}/interrupt`)).status, 409)
      listener.close()
    },
  },
  {
    name: "a failing model fails the turn, truthfully, and the next message works",
    async run(world) {
      const id = await newSession(world)
      const { listener, turnId, end } = await runTurn(world, id, "fail: 400 the model said no")
      assert.equal(end.payload.params?.turn?.status, "failed")
      assert.match(end.payload.params?.turn?.error?.message ?? "", /the model said no/)
      assertFrames(listener.frames)
      const after = await read(world, id)
      assert.equal(turnIn(after, turnId).status, "failed")
      assert.match(turnIn(after, turnId).error?.message ?? "", /the model said no/)
      assert.ok(entriesOf(after, turnId).every((e) => e.status !== "streaming"))
      const next = await runTurn(world, id, "echo: better")
      assert.equal(next.end.payload.params?.turn?.status, "completed")
      assert.equal((await read(world, id)).transcript.at(-1)?.content, "better")
      listener.close()
      next.listener.close()
    },
  },
  {
    name: "a message's policies are sticky",
    async run(world) {
      const id = await newSession(world)
      const listener = await hear(world, `threadId=${id}`)
      const turnId = await send(world, id, "run: echo x > sticky.txt\necho: ran", { approvalPolicy: "never" })
      assert.equal((await ended(listener, turnId)).payload.params?.turn?.status, "completed")
      assert.ok(!listener.frames.some((f) => f.type === "approval"))
      const { session } = await read(world, id)
      assert.equal(session.approvalPolicy, "never")
      assert.equal(session.sessionControls.approvalPolicy, "never")
      assert.equal((await get(world, `/api/sessions/${id}/approvals`)).status, 200)
      listener.close()
    },
  },
]
