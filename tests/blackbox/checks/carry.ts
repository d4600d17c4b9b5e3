// Requests that outlive their child (decisions 18): killed with -9 between ask and answer, between answer and reaction; carried
// over in one turn, answered once. Every command writes a line into a file of its own: the file counts its runs.

import { strict as assert } from "node:assert"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { ask, type Frame, type Listener } from "../../support/client.ts"
import { halt } from "../../support/daemon.ts"
import {
  approvalOf,
  type Check,
  decide,
  ended,
  entriesOf,
  get,
  health,
  hear,
  isNotification,
  newSession,
  post,
  type Row,
  read,
  send,
  turnIn,
  untilReady,
  type World,
} from "../world.ts"

const listOf = async (world: World, sessionId: string, kind = "approvals"): Promise<Row[]> =>
  (await get<{ data: Row[] }>(world, `/api/sessions/${sessionId}/${kind}`)).body.data

const runsOf = (world: World, file: string): number => {
  const path = join(world.daemon.work, file)
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").length - 1 : 0
}

/** A session in which the text's first request waits. */
async function asking(world: World, text: string, more: Record<string, unknown> = {}) {
  const sessionId = await newSession(world, more)
  const listener = await hear(world, `threadId=${sessionId}`)
  const turnId = await send(world, sessionId, text)
  const { payload } = await approvalOf(listener, turnId)
  return { sessionId, listener, turnId, id: String(payload.approvalId) }
}

async function killChild(world: World): Promise<number> {
  const { pid } = (await health(world)).codex
  assert.ok(pid)
  process.kill(pid, "SIGKILL")
  return pid
}

const orphanOf = (listener: Listener, id: string): Promise<Frame> =>
  listener.until(
    (f) => f.type === "approval" && f.payload.approvalId === id && f.payload.state === "orphaned",
    "the orphan",
  )

const resolvedOf = (listener: Listener, id: string): Promise<Frame> =>
  listener.until(
    (f) => /_resolved$/.test(f.type) && (f.payload.approvalId ?? f.payload.requestId) === id,
    "its end",
  )

/** What became of its accept after it was told. */
const carriedOf = (listener: Listener, id: string): Promise<Frame> =>
  listener.until(
    (f) => f.type === "request_updated" && (f.payload.approvalId ?? f.payload.requestId) === id,
    "what became of it",
  )

/** The next turn of the session that ends and is none of these. */
const nextEnd = (listener: Listener, ...others: string[]): Promise<Frame> =>
  listener.until(
    (f) =>
      f.type === "notification" &&
      f.payload.method === "turn/completed" &&
      !others.includes(f.payload.params?.turn?.id ?? ""),
    "the end of the continuation turn",
  )

/** Waits until nobody is asked any more: what was decided is committed, and on its way. */
async function claimed(world: World, sessionId: string, kind = "approvals"): Promise<void> {
  while ((await listOf(world, sessionId, kind)).length > 0);
}

/** More than a pipe holds: what is written after it to a child that holds still never leaves the daemon. */
const MORE_THAN_A_PIPE = "x".repeat(300_000)

const lamp = { name: "lamp", description: "A lamp", inputSchema: { type: "object", properties: {} } }

export const carryChecks: Check[] = [
  {
    name: "the child is killed between ask and answer: an accept carries over, and the command runs once",
    async run(world) {
      const { sessionId, listener, turnId, id } = await asking(
        world,
        "run: echo ran >> carried.txt\necho: done",
      )
      const pid = await killChild(world)
      await orphanOf(listener, id)
      const [row] = await listOf(world, sessionId)
      assert.deepEqual([row?.approvalId, row?.status], [id, "pending"])
      const said = await decide(world, id, "accept", { scope: "session" })
      assert.deepEqual([said.status, said.body.scope, said.body.state], [200, "turn", "accepted-for-carry"])
      assert.deepEqual(await listOf(world, sessionId), [])
      await untilReady(world, pid)
      const end = await nextEnd(listener, turnId)
      const told = await resolvedOf(listener, id)
      assert.deepEqual(told.payload, {
        approvalId: id,
        status: "resolved",
        decision: "accept",
        scope: "turn",
        state: "accepted-for-carry",
      })
      const carried = await carriedOf(listener, id)
      assert.deepEqual(carried.payload, {
        approvalId: id,
        kind: "approval",
        turnId: end.payload.params?.turn?.id,
        state: "claimed",
        carried: true,
      })
      assert.equal(end.payload.params?.turn?.status, "completed")
      assert.equal(runsOf(world, "carried.txt"), 1)
      const after = await read(world, sessionId)
      assert.equal(turnIn(after, turnId).status, "interrupted")
      assert.equal(after.transcript.at(-1)?.content, "done")
      assert.equal((await decide(world, id, "accept")).status, 200)
      assert.equal((await decide(world, id, "decline")).status, 409)
      assert.equal(listener.frames.filter((f) => f.type === "approval_resolved").length, 1)
      // The accept is used up: the same command is asked about again.
      const again = await send(world, sessionId, "run: echo ran >> carried.txt\necho: done")
      const next = await approvalOf(listener, again)
      assert.notEqual(next.payload.approvalId, id)
      await decide(world, next.payload.approvalId, "decline")
      await ended(listener, again)
      assert.equal(runsOf(world, "carried.txt"), 1)
      listener.close()
    },
  },
  {
    name: "the daemon is killed while people are asked: commands, patches and questions carry over, tool calls expire, nothing differs unasked",
    async run(world) {
      const command = await asking(world, "run: echo ran >> daemon.txt\necho: done")
      const patch = await asking(world, "patch: patched.txt | one line\necho: patched")
      const differs = await asking(
        world,
        "run: echo ran >> first.txt\nrestarted:\nrun: echo ran >> second.txt\necho: done",
      )
      const declined = await asking(world, "run: echo ran >> declined.txt")
      const calls = await newSession(world, { dynamicTools: [lamp] })
      const questions = await newSession(world)
      const listener = await hear(world)
      await send(world, calls, "call: lamp {}")
      const call = await listener.until((f) => f.type === "tool_call_requested", "the call")
      const asks = world.codexVersion !== "0.105.0"
      const question = asks
        ? await send(world, questions, "ask: Which colour? | red | blue\nrestarted:\necho: on it")
        : ""
      const input = asks
        ? await listener.until((f) => f.type === "tool_user_input_requested", "the question")
        : undefined
      await world.restart("SIGKILL")
      // From the table alone: the child may not be there yet.
      for (const { sessionId, id, turnId } of [command, patch, differs, declined]) {
        const rows = await listOf(world, sessionId)
        assert.deepEqual(
          rows.map((row) => [row.approvalId, row.status, row.turnId]),
          [[id, "pending", turnId]],
        )
      }
      assert.deepEqual(await listOf(world, calls, "tool-calls"), [])
      const late = await post(world, `/api/tool-calls/${call.payload.requestId}/response`, { text: "on" })
      assert.deepEqual([late.status, late.body.status], [404, "not_found"])
      const again = await hear(world)
      const no = await decide(world, declined.id, "decline")
      assert.deepEqual([no.status, no.body.state], [200, "declined"])
      for (const { id } of [command, patch, differs])
        assert.equal((await decide(world, id, "accept")).status, 200)
      const endOf = (sessionId: string, other: string) =>
        again.until(
          (f) =>
            f.threadId === sessionId &&
            isNotification("turn/completed")(f) &&
            f.payload.params?.turn?.id !== other,
          "the end of a continuation turn",
        )
      if (input) {
        const [{ id: key = "" } = {}] = input.payload.questions ?? []
        const body = { decision: "accept", answers: { [key]: { answers: ["blue"] } } }
        const done = await post(world, `/api/tool-input/${input.payload.requestId}/decision`, body)
        assert.deepEqual([done.status, done.body.state], [200, "accepted-for-carry"])
        const end = await endOf(questions, question)
        const entries = entriesOf(await read(world, questions), end.payload.params?.turn?.id ?? "")
        assert.match(entries.find(({ role }) => role === "user")?.content ?? "", /Which colour\? blue/)
        assert.equal(entries.at(-1)?.content, "on it")
      }
      await endOf(command.sessionId, command.turnId)
      await endOf(patch.sessionId, patch.turnId)
      assert.equal(runsOf(world, "daemon.txt"), 1)
      assert.equal(readFileSync(join(world.daemon.work, "patched.txt"), "utf8"), "one line\n")
      // The model came back with something else: a person is asked, and the accept is void.
      const other = await again.until(
        (f) =>
          f.type === "approval" && f.threadId === differs.sessionId && f.payload.approvalId !== differs.id,
        "the other command",
      )
      assert.equal(runsOf(world, "second.txt"), 0)
      assert.equal((await decide(world, other.payload.approvalId, "decline")).status, 200)
      await endOf(differs.sessionId, differs.turnId)
      assert.equal((await resolvedOf(again, differs.id)).payload.state, "accepted-for-carry")
      assert.equal((await carriedOf(again, differs.id)).payload.state, "void")
      const used = await decide(world, differs.id, "accept")
      assert.deepEqual([used.status, used.body.code], [409, "not_eligible"])
      for (const file of ["first.txt", "second.txt", "declined.txt"]) assert.equal(runsOf(world, file), 0)
      for (const { sessionId } of [command, patch, differs, declined])
        assert.deepEqual(await listOf(world, sessionId), [])
      for (const one of [
        command.listener,
        patch.listener,
        differs.listener,
        declined.listener,
        listener,
        again,
      ])
        one.close()
    },
  },
  {
    name: "killed between the delivery of an accept and the child's reaction: nobody knows, so nothing is repeated but by a person",
    async run(world) {
      for (const victim of ["child", "daemon"] as const) {
        const file = `${victim}.txt`
        const { sessionId, listener, turnId, id } = await asking(
          world,
          `run: echo ran >> ${file}\necho: done`,
        )
        const { pid } = (await health(world)).codex
        assert.ok(pid)
        // It holds still: the answer is in its pipe and it never reads it.
        await halt(pid)
        assert.equal((await decide(world, id, "accept")).status, 200)
        if (victim === "child") process.kill(pid, "SIGKILL")
        else await world.restart("SIGKILL")
        await untilReady(world, pid)
        assert.deepEqual(await listOf(world, sessionId), [])
        for (const word of ["accept", "decline"]) assert.equal((await decide(world, id, word)).status, 409)
        // A child that outlives its daemon for a moment may still read it: then the one accept was one run.
        assert.ok(runsOf(world, file) <= (victim === "child" ? 0 : 1))
        assert.equal(turnIn(await read(world, sessionId), turnId).status, "interrupted")
        if (victim === "daemon") {
          const gone = await post(world, `/api/requests/${id}/dismiss`)
          assert.deepEqual([gone.status, gone.body.state], [200, "dismissed"])
          assert.equal((await post(world, `/api/requests/${id}/dismiss`)).status, 409)
          listener.close()
          continue
        }
        const looked = await post(world, `/api/requests/${id}/ask-again`)
        assert.equal(looked.status, 202, looked.text)
        const next = await approvalOf(listener, String(looked.body.turnId))
        assert.notEqual(next.payload.approvalId, id)
        assert.equal((await decide(world, next.payload.approvalId, "accept")).status, 200)
        await ended(listener, String(looked.body.turnId))
        assert.equal(runsOf(world, file), 1)
        listener.close()
      }
    },
  },
  {
    name: "killed between a decision and its delivery: the accept runs the command at most once, and never is one asked that nobody can answer",
    async run(world) {
      for (const victim of ["child", "daemon"] as const) {
        const file = `unwritten-${victim}.txt`
        const { sessionId, listener, turnId, id } = await asking(
          world,
          `run: echo ran >> ${file}\necho: done`,
        )
        const calls = await newSession(world, { dynamicTools: [lamp] })
        const called = await hear(world, `threadId=${calls}`)
        await send(world, calls, "call: lamp {}")
        const call = await called.until((f) => f.type === "tool_call_requested", "the call")
        called.close()
        const { pid } = (await health(world)).codex
        assert.ok(pid)
        await halt(pid)
        const cut = () => undefined
        const path = `/api/tool-calls/${call.payload.requestId}/response`
        const filling = post(world, path, { text: MORE_THAN_A_PIPE }).catch(cut)
        await claimed(world, calls, "tool-calls")
        const deciding = decide(world, id, "accept").catch(cut)
        await claimed(world, sessionId)
        if (victim === "child") process.kill(pid, "SIGKILL")
        else await world.restart("SIGKILL")
        await filling
        const said = await deciding
        await untilReady(world, pid)
        assert.deepEqual(await listOf(world, calls, "tool-calls"), [])
        if (victim === "child") {
          // Nothing of it was written: the same word is the orphan's.
          assert.deepEqual([said?.status, said?.body.state], [200, "accepted-for-carry"])
          await nextEnd(listener, turnId)
          assert.equal((await carriedOf(listener, id)).payload.carried, true)
          assert.equal(runsOf(world, file), 1)
        } else {
          // Nobody knows how far the daemon had come with it: only a person can have it repeated.
          const { data } = (await get<{ data: Row[] }>(world, "/api/requests?state=indeterminate")).body
          assert.ok(data.some((row) => row.approvalId === id))
          assert.equal((await decide(world, id, "accept")).status, 409)
          const seen = { actor: "ann", source: "ui" }
          const { body } = await post(world, `/api/requests/${id}/dismiss`, seen)
          assert.deepEqual([body.state, body.dismissedBy, body.dismissedFrom], ["dismissed", "ann", "ui"])
          assert.equal(runsOf(world, file), 0)
        }
        assert.deepEqual(await listOf(world, sessionId), [])
        listener.close()
      }
    },
  },
  {
    name: "killed after an accepted command ran: it is answered, and the turn that goes on doesn't run it again",
    async run(world) {
      const text = "run: echo ran >> twice.txt\nrun: echo held >> hold.txt\necho: done"
      const { sessionId, listener, turnId, id } = await asking(world, text)
      assert.equal((await decide(world, id, "accept")).status, 200)
      const isNext = (f: Frame) => f.type === "approval" && f.payload.approvalId !== id
      const next = String((await listener.until(isNext, "the next command")).payload.approvalId)
      const pid = await killChild(world)
      await orphanOf(listener, next)
      assert.deepEqual(
        (await listOf(world, sessionId)).map((row) => row.approvalId),
        [next],
      )
      assert.equal((await decide(world, id, "accept")).status, 200)
      assert.equal((await post(world, `/api/requests/${id}/dismiss`)).status, 409)
      await untilReady(world, pid)
      assert.equal((await decide(world, next, "accept")).status, 200)
      await nextEnd(listener, turnId)
      assert.equal((await resolvedOf(listener, next)).payload.status, "resolved")
      assert.equal(runsOf(world, "twice.txt"), 1)
      listener.close()
    },
  },
  {
    name: "two orphans of a session share one turn, after the turn that runs; a stop of the daemon takes nothing away",
    async run(world) {
      const first = await asking(world, "run: echo ran >> shared.txt; true one")
      const { sessionId } = first
      await untilReady(world, await killChild(world))
      const turn = await send(world, sessionId, "run: echo ran >> shared.txt; true two")
      const { payload } = await approvalOf(first.listener, turn)
      const two = String(payload.approvalId)
      // Stopped in good order: it does not wait for the person, and does not end the question.
      assert.deepEqual(await world.restart("SIGTERM"), { code: 0, signal: null })
      await untilReady(world)
      assert.deepEqual(
        (await listOf(world, sessionId)).map((row) => row.approvalId),
        [first.id, two],
      )
      const listener = await hear(world, `threadId=${sessionId}`)
      const busy = await send(
        world,
        sessionId,
        "run: echo held >> hold.txt\necho: held\nrestarted:\nrun: echo ran >> shared.txt; true one\nrun: echo ran >> shared.txt; true two\necho: both",
      )
      const hold = await approvalOf(listener, busy)
      for (const id of [first.id, two]) {
        const done = await decide(world, id, "accept")
        assert.deepEqual([done.status, done.body.state], [200, "accepted-for-carry"])
      }
      assert.equal((await read(world, sessionId)).thread.turns.length, 3)
      await decide(world, hold.payload.approvalId, "decline")
      await ended(listener, busy)
      await nextEnd(listener, busy)
      const after = await read(world, sessionId)
      assert.equal(after.thread.turns.length, 4)
      assert.equal(after.transcript.at(-1)?.content, "both")
      assert.equal(runsOf(world, "shared.txt"), 2)
      first.listener.close()
      listener.close()
    },
  },
  {
    name: "archive and delete end what waits, asked by a living child or an orphan: told, unlisted, 404 afterwards",
    async run(world) {
      for (const life of ["living", "orphaned"] as const) {
        const archived = await asking(world, "run: echo ran >> archived.txt")
        const deleted = await asking(world, "run: echo ran >> archived.txt")
        if (life === "orphaned") await untilReady(world, await killChild(world))
        const put = await post(world, `/api/sessions/${archived.sessionId}/archive`)
        assert.equal(put.status, 200, put.text)
        const gone = await ask(world.daemon.url, `/api/sessions/${deleted.sessionId}`, { method: "DELETE" })
        assert.equal(gone.status, 200, gone.text)
        for (const { listener, id, sessionId } of [archived, deleted]) {
          assert.deepEqual((await resolvedOf(listener, id)).payload, { approvalId: id, status: "expired" })
          assert.equal((await decide(world, id, "accept")).status, 404)
          if (sessionId === archived.sessionId) assert.deepEqual(await listOf(world, sessionId), [])
          listener.close()
        }
      }
      assert.equal(runsOf(world, "archived.txt"), 0)
    },
  },
]
