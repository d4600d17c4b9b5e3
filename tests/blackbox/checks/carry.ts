// Requests that outlive their child (decisions 18): killed with -9 between ask and answer, between answer and reaction; carried
// over in one turn, answered once. Every command writes a line into a file of its own: the file counts its runs.

import { strict as assert } from "node:assert"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { Frame, Listener } from "../../support/client.ts"
import {
  approvalOf,
  type Check,
  decide,
  ended,
  get,
  health,
  hear,
  newSession,
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

/** The next turn of the session that ends and is none of these. */
const nextEnd = (listener: Listener, ...others: string[]): Promise<Frame> =>
  listener.until(
    (f) =>
      f.type === "notification" &&
      f.payload.method === "turn/completed" &&
      !others.includes(f.payload.params?.turn?.id ?? ""),
    "the end of the continuation turn",
  )

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
]
