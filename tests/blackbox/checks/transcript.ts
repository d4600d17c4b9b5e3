// The transcript on the real binaries: everything that a turn can hold, and the same bytes after a restart, a kill and a read
// of the child's own history, whatever that history has lost (codex-app-server.md §3).

import { strict as assert } from "node:assert"
import { readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { ask, type Payload } from "../../support/client.ts"
import {
  approvalOf,
  type Check,
  decide,
  type Entry,
  ended,
  get,
  hear,
  isNotification,
  newSession,
  post,
  read,
  runTurn,
  type SessionRead,
  send,
  untilReady,
  type World,
} from "../world.ts"

const WORK = [
  "reason: a note is a file",
  "run: echo from the shell",
  "patch: notes.txt | one | two",
  "echo: both are there",
].join("\n")

async function quick(world: World, id: string, text: string): Promise<string> {
  const { turnId, listener } = await runTurn(world, id, text)
  listener.close()
  return turnId
}

/** What must not change: the turns with their items, and the entries, as text. */
async function told(world: World, id: string): Promise<string> {
  const { text, body } = await get<SessionRead>(world, `/api/sessions/${id}`)
  assert.equal(body.transcript.length > 0, true, text)
  return JSON.stringify([body.thread.turns, text.slice(text.lastIndexOf('"transcript":['))])
}

async function sameAfter(world: World, id: string, signal: NodeJS.Signals): Promise<void> {
  const before = await told(world, id)
  await world.restart(signal)
  await untilReady(world)
  assert.equal(await told(world, id), before, `after ${signal}`)
  assert.equal(await told(world, id), before, `at the second read after ${signal}`)
}

const brief = ({ role, type, content, status }: Entry) => [role, type, content, status]

export const transcriptChecks: Check[] = [
  {
    name: "commands, a patch, reasoning, an approval, a row of somebody else, compact and review: the same bytes for ever",
    async run(world) {
      const id = await newSession(world)
      await post(world, `/api/sessions/${id}/approval-policy`, { approvalPolicy: "never" })
      const first = await quick(world, id, WORK)
      const listener = await hear(world, `threadId=${id}`)
      const asks = await send(world, id, "run: touch asked.txt\necho: done", { approvalPolicy: "untrusted" })
      const { payload } = await approvalOf(listener, asks)
      await decide(world, payload.approvalId, "accept")
      await ended(listener, asks)
      const row = {
        messageId: "note::1",
        turnId: asks,
        role: "system",
        type: "note",
        content: "looked at",
        status: "complete",
      }
      assert.equal((await post(world, `/api/sessions/${id}/transcript/upsert`, row)).status, 200)
      const frame = await listener.until((f) => f.type === "transcript_updated", "transcript_updated")
      assert.deepEqual(frame.payload, {
        threadId: id,
        turnId: asks,
        messageId: "note::1",
        type: "note",
        entry: row,
      })
      for (const what of ["compact", "review"]) {
        const from = listener.frames.length
        assert.equal((await post(world, `/api/sessions/${id}/${what}`)).status, 200)
        await listener.until(isNotification("turn/completed"), what, from)
      }
      listener.close()

      const { transcript } = await read(world, id)
      const of = (turnId: string) => transcript.filter((e) => e.turnId === turnId)
      assert.deepEqual(
        of(first)
          .map(({ type }) => type)
          .filter((type) => type !== "reasoning"),
        ["userMessage", "commandExecution", "fileChange", "agentMessage"],
      )
      assert.match(of(first).find((e) => e.type === "commandExecution")?.details ?? "", /from the shell/)
      // What others say of an ended turn stands before its last words. 0.105 asks before it tells the command.
      const types = of(asks).map(({ type }) => type)
      assert.deepEqual(
        [types[0], ...types.slice(1, 3).toSorted(), ...types.slice(3)],
        ["userMessage", "approval.resolved", "commandExecution", "note", "agentMessage"],
      )
      assert.ok(transcript.every(({ status }) => status === "complete"))
      await sameAfter(world, id, "SIGKILL")
    },
  },
  {
    name: "a client that reads midway joins the text exactly; what a kill cut off stays what it was",
    async run(world) {
      const id = await newSession(world)
      const listener = await hear(world, `threadId=${id}&families=transcript`)
      const turnId = await send(world, id, "words: 100000 1")
      type Delta = Payload & { messageId: string; offset: number; delta: string }
      const deltasOf = () => listener.frames.filter((f) => f.type === "transcript_delta")
      const says = (word: string) => (f: { type: string; payload: Payload }) =>
        f.type === "transcript_delta" && f.payload.turnId === turnId && String(f.payload.delta).includes(word)
      await listener.until(says("w9"), "the first words")
      const entry = (await read(world, id)).transcript.at(-1)
      assert.equal(entry?.status, "streaming")
      await listener.until(says("w300"), "more words")
      // What was read may be ahead of what was heard.
      const goesBeyond = (f: { type: string; payload: Payload }) =>
        f.type === "transcript_delta" && Number(f.payload.offset) > (entry?.content.length ?? 0)
      await listener.until(goesBeyond, "words behind those that were read")
      let text = entry?.content ?? ""
      let all = ""
      for (const { payload } of deltasOf()) {
        const { messageId, offset, delta } = payload as Delta
        assert.equal(messageId, entry?.messageId)
        assert.equal(offset, all.length)
        all += delta
        if (offset + delta.length > text.length) text += delta.slice(text.length - offset)
      }
      assert.equal(text, all)
      assert.ok(
        Array.from({ length: 300 }, (_, i) => `w${i + 1}`).every((word, i) => text.split(" ")[i] === word),
      )
      await world.restart("SIGKILL")
      listener.close()
      await untilReady(world)
      const after = (await read(world, id)).transcript.at(-1)
      assert.deepEqual([after?.messageId, after?.status], [entry?.messageId, "canceled"])
      assert.ok(after?.content.startsWith(text))
    },
  },
  {
    name: "a thread that only the child's history knows is read from it once, and never differs again",
    async run(world) {
      const id = await newSession(world, { approvalPolicy: "never" })
      const turns = [await quick(world, id, WORK), await quick(world, id, "echo: again")]
      const own = await read(world, id)
      await world.daemon.end("SIGTERM")
      for (const name of readdirSync(world.place.dataDir))
        if (name.startsWith("codexd.db")) rmSync(join(world.place.dataDir, name))
      await world.restart("SIGTERM").catch(() => {})
      await untilReady(world)
      assert.equal((await ask(world.daemon.url, "/api/sessions?refresh=true")).status, 200)
      const found = await read(world, id)
      const said = ({ transcript }: SessionRead) =>
        transcript.filter(({ type }) => /Message$/.test(type)).map(brief)
      assert.deepEqual(said(found), said(own))
      assert.equal(found.thread.turns.length, turns.length)
      await quick(world, id, "echo: and on")
      await sameAfter(world, id, "SIGTERM")
    },
  },
]
