// Kills of the child and of the daemon: afterwards everything says what really happened, nothing is used twice, nothing is
// left over, and every session goes on.

import { strict as assert } from "node:assert"
import { existsSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import type { Frame, Listener } from "../../support/client.ts"
import { isAlive } from "../../support/daemon.ts"
import { assertFrames, kept } from "../frames.ts"
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
  read,
  runTurn,
  send,
  turnIn,
  untilReady,
  type World,
} from "../world.ts"

async function killChild(world: World): Promise<number> {
  const { pid } = (await health(world)).codex
  assert.ok(pid)
  process.kill(pid, "SIGKILL")
  return pid
}

const textHeard = (listener: Listener, turnId: string): string =>
  listener.frames
    .filter(isNotification("item/agentMessage/delta", turnId))
    .map((f) => f.payload.params?.delta)
    .join("")

/** The turn's end as the daemon tells it in the child's place. */
function assertOurEnd({ payload }: Frame): void {
  assert.equal(payload.origin, "codexd")
  assert.equal(payload.params?.turn?.status, "interrupted")
  assert.ok(payload.params?.turn?.error?.message)
}

/** The approval told again: its turn was interrupted, it waits all the same. */
function assertOrphan(frame: Frame | undefined, approvalId: unknown): void {
  const { payload } = frame ?? {}
  assert.equal(payload?.approvalId, approvalId)
  assert.deepEqual([payload?.status, payload?.state], ["pending", "orphaned"])
  assert.match(String(payload?.reason), /its turn was interrupted/)
}

/** A new session whose child is killed while it speaks; all frames are heard. */
async function killInFirstTurn(world: World) {
  const id = await newSession(world)
  const listener = await hear(world)
  const turnId = await send(world, id, "words: 100000 2")
  await listener.until(isNotification("item/agentMessage/delta", turnId), "words")
  return { id, listener, turnId, pid: await killChild(world) }
}

export const deathChecks: Check[] = [
  {
    name: "the child is killed in mid-turn: the turn is interrupted everywhere, its text kept, and the session goes on",
    async run(world) {
      const { id, listener, turnId, pid } = await killInFirstTurn(world)
      assertOurEnd(await ended(listener, turnId))
      const report = await untilReady(world, pid)
      assert.equal(report.codex.lastExit?.signal, "SIGKILL")
      const after = await read(world, id)
      assert.equal(turnIn(after, turnId).status, "interrupted")
      assert.ok(turnIn(after, turnId).error?.message)
      const entry = entriesOf(after, turnId).at(-1)
      assert.deepEqual([entry?.type, entry?.status], ["agentMessage", "canceled"])
      assert.equal(entry?.content, textHeard(listener, turnId))
      const next = await runTurn(world, id, "echo: alive")
      assert.equal(next.end.payload.params?.turn?.status, "completed")
      const whole = await read(world, id)
      assert.deepEqual(
        whole.thread.turns.map((t) => t.status),
        ["interrupted", "completed"],
      )
      assert.equal(whole.transcript.at(-1)?.content, "alive")
      assertFrames(listener.frames)
      const { log, head } = listener.ready
      const again = await hear(world, `since=${head}`)
      await ended(again, next.turnId)
      assert.equal(again.ready.log, log)
      const upTo = (l: Listener) => kept(l.frames.filter((f) => f.seq <= next.end.seq))
      await ended(listener, next.turnId)
      assert.deepEqual(upTo(again), upTo(listener))
      for (const each of [listener, next.listener, again]) each.close()
    },
  },
  {
    name: "the child is killed in a session's first turn, before its file was there: the session goes on in a new thread",
    async run(world) {
      const { id, listener, turnId, pid } = await killInFirstTurn(world)
      const home = join(world.place.dataDir, "codex-home")
      // As if the kill had come some milliseconds before.
      for (const path of readdirSync(home, { recursive: true, encoding: "utf8" }))
        if (path.includes(id) && path.endsWith(".jsonl")) rmSync(join(home, path))
      await ended(listener, turnId)
      await untilReady(world, pid)
      const next = await runTurn(world, id, "echo: alive")
      assert.equal(next.end.payload.params?.turn?.status, "completed")
      const whole = await read(world, id)
      assert.deepEqual(
        whole.thread.turns.map((t) => t.status),
        ["interrupted", "completed"],
      )
      for (const each of [listener, next.listener]) each.close()
    },
  },
  {
    name: "the child is killed while an approval waits: it waits on as an orphan, and the next command asks again",
    async run(world) {
      const id = await newSession(world)
      const listener = await hear(world, `threadId=${id}`)
      const turnId = await send(world, id, "run: echo 1 > orphan.txt")
      const { payload } = await approvalOf(listener, turnId)
      const pid = await killChild(world)
      assertOurEnd(await ended(listener, turnId))
      const orphan = listener.frames.filter((f) => f.type === "approval").at(-1)
      assertOrphan(orphan, payload.approvalId)
      assert.deepEqual((await get(world, `/api/sessions/${id}/approvals`)).body, { data: [orphan?.payload] })
      const declined = await decide(world, payload.approvalId, "decline")
      assert.deepEqual([declined.status, declined.body.state], [200, "declined"])
      assert.deepEqual((await get(world, `/api/sessions/${id}/approvals`)).body, { data: [] })
      assert.equal((await decide(world, payload.approvalId, "accept")).status, 409)
      await untilReady(world, pid)
      assert.equal(turnIn(await read(world, id), turnId).status, "interrupted")
      // The policy of the session is not forgotten, though older binaries forget it.
      const next = await send(world, id, "run: echo 2 > orphan.txt\necho: ran")
      const again = await approvalOf(listener, next)
      assert.notEqual(again.payload.approvalId, payload.approvalId)
      assert.ok(!existsSync(join(world.daemon.work, "orphan.txt")))
      assert.equal((await decide(world, again.payload.approvalId, "accept")).status, 200)
      assert.equal((await ended(listener, next)).payload.params?.turn?.status, "completed")
      assert.ok(existsSync(join(world.daemon.work, "orphan.txt")))
      assertFrames(listener.frames)
      listener.close()
    },
  },
  {
    name: "after a restart a transcript with a command reads as before, byte for byte",
    async run(world) {
      const id = await newSession(world, { approvalPolicy: "never" })
      const { listener, end } = await runTurn(
        world,
        id,
        "reason: let me see\nrun: echo one; echo two\necho: ran it",
      )
      const { listener: second } = await runTurn(world, id, "fail: 400 no")
      const unused = await newSession(world, { approvalPolicy: "never" })
      const before = await get(world, `/api/sessions/${id}`)
      const list = await get(world, "/api/sessions?limit=200")
      const types = (before.body as unknown as { transcript: { type: string }[] }).transcript.map(
        (e) => e.type,
      )
      assert.ok(types.includes("commandExecution"), String(types))
      const { log, head } = listener.ready
      const live = kept(listener.frames.filter((f) => f.seq <= end.seq))
      const exit = await world.restart("SIGTERM")
      assert.deepEqual(exit, { code: 0, signal: null })
      assert.equal(await listener.closed, 1012)
      await second.closed
      await untilReady(world)
      const after = await get(world, `/api/sessions/${id}`)
      const part = (text: string) => text.slice(text.indexOf(',"transcript":'))
      assert.equal(part(after.text), part(before.text))
      const turns = ({ body }: typeof after) =>
        (body as unknown as { thread: { turns: unknown } }).thread.turns
      assert.deepEqual(turns(after), turns(before))
      assert.deepEqual((await get(world, "/api/sessions?limit=200")).body, list.body)
      const again = await hear(world, `threadId=${id}&since=${head}`)
      assert.deepEqual([again.ready.log, again.ready.resume], [log, "ok"])
      await again.until((f) => f.seq === end.seq, "the end of the first turn")
      assert.deepEqual(
        again.frames.slice(0, live.length).map((f) => f.text),
        live,
      )
      again.close()
      const next = await runTurn(world, id, "run: echo three\necho: and on")
      assert.equal(next.end.payload.params?.turn?.status, "completed")
      assert.ok(next.end.seq > end.seq)
      next.listener.close()
      // The child has forgotten a thread in which nothing was said; the session goes on all the same.
      const first = await runTurn(world, unused, "run: echo late\necho: said")
      assert.equal(first.end.payload.params?.turn?.status, "completed")
      const begun = await read(world, unused)
      assert.equal(begun.thread.id, unused)
      assert.equal(begun.transcript.at(-1)?.content, "said")
      assert.deepEqual(
        begun.thread.turns.map((t) => t.id),
        [first.turnId],
      )
      assertFrames(first.listener.frames)
      assert.ok(first.listener.frames.every((f) => f.threadId === null || f.threadId === unused))
      first.listener.close()
      const now = (await get(world, "/api/sessions?limit=200")).body.data as { sessionId: string }[]
      assert.deepEqual(
        now.map((s) => s.sessionId).toSorted(),
        (list.body.data as { sessionId: string }[]).map((s) => s.sessionId).toSorted(),
      )
    },
  },
  {
    name: "the daemon is killed in mid-stream and while an approval waits: the truth after it, no survivor, no seq twice",
    async run(world) {
      const [speaking, waiting] = [await newSession(world), await newSession(world)]
      const listener = await hear(world)
      const asks = await send(world, waiting, "run: echo 1 > orphan2.txt")
      const { payload } = await approvalOf(listener, asks)
      const speaks = await send(world, speaking, "words: 100000 2")
      await listener.until(isNotification("item/agentMessage/delta", speaks), "words")
      const { pid } = (await health(world)).codex
      await world.restart("SIGKILL")
      await listener.closed
      assertFrames(listener.frames.slice(0, -1))
      const heard = textHeard(listener, speaks)
      const lastSeq = listener.frames.at(-1)?.seq ?? 0
      const place = `${listener.ready.log}.${lastSeq}`
      const again = await hear(world, `since=${place}`)
      assert.equal(again.ready.resume, "ok")
      const end = await ended(again, speaks)
      assertOurEnd(end)
      assertOurEnd(await ended(again, asks))
      assert.ok(again.frames.every((f) => f.seq > lastSeq))
      const orphan = again.frames.find((f) => f.type === "approval")
      assertOrphan(orphan, payload.approvalId)
      assert.ok(!again.frames.some((f) => f.type === "approval_resolved"))
      const spoken = await read(world, speaking)
      assert.equal(turnIn(spoken, speaks).status, "interrupted")
      const entry = entriesOf(spoken, speaks).at(-1)
      assert.deepEqual([entry?.type, entry?.status], ["agentMessage", "canceled"])
      const replayed = heard + textHeard(again, speaks)
      assert.equal(entry?.content, replayed, "the text is what was told")
      assert.equal(turnIn(await read(world, waiting), asks).status, "interrupted")
      assert.deepEqual((await get(world, `/api/sessions/${waiting}/approvals`)).body, {
        data: [orphan?.payload],
      })
      assert.equal((await decide(world, payload.approvalId, "decline")).status, 200)
      assert.deepEqual((await get(world, `/api/sessions/${waiting}/approvals`)).body, { data: [] })
      await untilReady(world)
      assert.ok(pid && !isAlive(pid), "the old child is gone")
      for (const [id, text] of [
        [speaking, "echo: on"],
        [waiting, "echo: on"],
      ] as const) {
        const next = await runTurn(world, id, text)
        assert.equal(next.end.payload.params?.turn?.status, "completed")
        assert.ok(next.end.seq > end.seq)
        next.listener.close()
      }
      assert.equal(turnIn(await read(world, speaking), speaks).status, "interrupted")
      again.close()
    },
  },
]
