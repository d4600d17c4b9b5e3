// Turns beyond the message: steer, fork, compact, review, rollback, terminals, on the real binaries (wire-contract §1.6,
// decisions 16).

import { strict as assert } from "node:assert"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { ask, type Frame, type Listener } from "../../support/client.ts"
import {
  approvalOf,
  type Check,
  decide,
  ended,
  entriesOf,
  hear,
  isNotification,
  newSession,
  post,
  read,
  runTurn,
  type SessionRead,
  send,
  type Turn,
  turnIn,
  untilReady,
  type World,
} from "../world.ts"

type KindOfTurn = Turn & { kind: string }

const kinds = ({ thread }: SessionRead) => (thread.turns as KindOfTurn[]).map((turn) => turn.kind)
const ids = ({ thread }: SessionRead) => thread.turns.map((turn) => turn.id)
const spoken = ({ transcript }: SessionRead) =>
  transcript.filter((e) => e.type === "agentMessage").map((e) => e.content)

async function quick(world: World, id: string, text: string): Promise<string> {
  const { turnId, listener } = await runTurn(world, id, text)
  listener.close()
  return turnId
}

/** A turn that waits for a person: what follows meets it running, however slow the machine is. */
export async function heldTurn(world: World, id: string, listener: Listener) {
  const turnId = await send(world, id, "run: touch held.txt\necho: first")
  const { payload } = await approvalOf(listener, turnId)
  const letGo = async () => {
    assert.equal((await decide(world, payload.approvalId, "accept")).status, 200)
  }
  return { turnId, letGo }
}

/** The next end of a turn in the session, at or behind index `from`. */
const nextEnd = (listener: Listener, from: number): Promise<Frame> =>
  listener.until(isNotification("turn/completed"), "the end of a turn", from)

const command = (world: World, id: string, what: string, json: unknown = {}) =>
  post(world, `/api/sessions/${id}/${what}`, json)

export const commandChecks: Check[] = [
  {
    name: "a running turn is steered; one that is over is a conflict, in the contract's body",
    async run(world) {
      const id = await newSession(world)
      const listener = await hear(world, `threadId=${id}`)
      const { turnId, letGo } = await heldTurn(world, id, listener)
      const path = `turns/${turnId}/steer`
      const steered = await command(world, id, path, { input: "echo: steered" })
      assert.equal(steered.status, 200, steered.text)
      assert.equal((steered.body.result as { actionType: string }).actionType, "turn.steer")
      await letGo()
      await ended(listener, turnId)
      assert.ok(spoken(await read(world, id)).includes("steered"))
      const late = await command(world, id, path, { input: "echo: late" })
      assert.equal(late.status, 409)
      assert.deepEqual(late.body, {
        status: "error",
        code: "conflict",
        sessionId: id,
        turnId,
        result: {
          actionType: "turn.steer",
          status: "conflict",
          details: { threadId: id, turnId, error: "no active turn to steer" },
        },
      })
      assert.equal((await command(world, id, path, { input: " " })).status, 400)
      listener.close()
    },
  },
  {
    name: "a message that joins says what will hold only later; a stricter one and a refused one are 409",
    async run(world) {
      const id = await newSession(world)
      const listener = await hear(world, `threadId=${id}`)
      const { turnId, letGo } = await heldTurn(world, id, listener)
      const stricter = await command(world, id, "messages", {
        text: "echo: x",
        filesystemSandbox: "read-only",
      })
      assert.deepEqual([stricter.status, stricter.body.code], [409, "policy_stricter"])
      const refused = await command(world, id, "messages", { text: "echo: x", whenBusy: "reject" })
      assert.deepEqual([refused.status, refused.body.code], [409, "turn_busy"])
      const plain = await command(world, id, "messages", { text: "echo: joined" })
      assert.deepEqual(plain.body, { status: "accepted", sessionId: id, turnId })
      const looser = await command(world, id, "messages", {
        text: "echo: looser",
        approvalPolicy: "never",
        effort: "low",
      })
      assert.deepEqual(looser.body, {
        status: "accepted",
        sessionId: id,
        turnId,
        appliesFrom: "next_turn",
        notApplied: ["effort"],
      })
      for (const busy of ["compact", "review", "rollback"]) {
        const answer = await command(world, id, busy)
        assert.deepEqual([busy, answer.status, answer.body.code], [busy, 409, "invalid_state"])
      }
      await letGo()
      await ended(listener, turnId)
      assert.equal((await read(world, id)).session.approvalPolicy, "never")
      listener.close()
    },
  },
  {
    name: "a review is one turn under the id of its answer; a message waits for its end and is sent then",
    async run(world) {
      const id = await newSession(world)
      await quick(world, id, "echo: before")
      const listener = await hear(world, `threadId=${id}`)
      const started = await command(world, id, "review", { instructions: "hang" })
      assert.equal(started.status, 200, started.text)
      const turnId = started.body.turnId as string
      assert.equal((started.body.result as { turn: { id: string } }).turn.id, turnId)
      await listener.until(
        (f) => f.type === "notification" && f.payload.params?.item?.type === "enteredReviewMode",
        "the review has begun",
      )
      const refused = await command(world, id, "messages", { text: "echo: x", whenBusy: "reject" })
      assert.deepEqual([refused.status, refused.body.code], [409, "turn_busy"])
      const steered = await command(world, id, `turns/${turnId}/steer`, { input: "echo: x" })
      assert.deepEqual([steered.status, steered.body.code], [409, "not_eligible"])
      const kept = await command(world, id, "messages", { text: "echo: after the review" })
      assert.deepEqual([kept.status, kept.body.queued], [202, true])
      assert.equal((await command(world, id, "interrupt")).status, 200)
      const end = await nextEnd(listener, 0)
      const said = await listener.until(
        (f) =>
          f.type === "prompt_updated" &&
          f.payload.promptId === kept.body.turnId &&
          f.payload.state === "accepted",
        "the prompt is accepted",
      )
      await ended(listener, said.payload.turnId as string)
      assert.equal(end.payload.params?.turn?.status, "interrupted")
      const after = await read(world, id)
      assert.deepEqual(kinds(after), ["message", "review", "message"])
      assert.equal(ids(after)[1], turnId)
      assert.equal(ids(after)[2], said.payload.turnId)
      assert.ok(entriesOf(after, turnId).some((e) => e.type === "enteredReviewMode"))
      assert.ok(spoken(after).includes("after the review"))
      assert.deepEqual((await promptsOf(world, id)).length, 0)
      listener.close()
    },
  },
  {
    name: "a review can be interrupted by the id of its answer",
    async run(world) {
      const id = await newSession(world)
      await quick(world, id, "echo: before")
      const listener = await hear(world, `threadId=${id}`)
      const started = await command(world, id, "review", { instructions: "hang" })
      assert.equal(started.status, 200, started.text)
      const turnId = started.body.turnId as string
      const stopped = await command(world, id, "interrupt", { turnId })
      assert.deepEqual([stopped.status, stopped.body], [200, { status: "ok", sessionId: id, turnId }])
      await nextEnd(listener, 0)
      const after = await read(world, id)
      assert.equal(turnIn(after, turnId).status, "interrupted")
      assert.deepEqual(kinds(after), ["message", "review"])
      await quick(world, id, "echo: and on")
      assert.deepEqual(kinds(await read(world, id)), ["message", "review", "message"])
      listener.close()
    },
  },
  {
    name: "a review can be interrupted from its answer and from its first item on",
    async run(world) {
      // 0.130 has no turn to stop for a moment after the first item: the closer, the likelier it is met.
      for (let i = 0; i < 4; i++) {
        const id = await newSession(world)
        await quick(world, id, "echo: before")
        const listener = await hear(world, `threadId=${id}`)
        const starting = command(world, id, "review", { instructions: "hang" })
        if (i % 2 === 0) await listener.until(isNotification("item/started"), "the review's first item")
        else await starting
        const stopped = await command(world, id, "interrupt", {})
        assert.equal(stopped.status, 200, stopped.text)
        await nextEnd(listener, 0)
        assert.equal((await starting).body.turnId, stopped.body.turnId)
        assert.equal(turnIn(await read(world, id), String(stopped.body.turnId)).status, "interrupted")
        listener.close()
      }
    },
  },
  {
    name: "two reviews are two turns with their own words, also after a restart, whatever the child's history makes of them",
    async run(world) {
      const id = await newSession(world)
      await quick(world, id, "echo: before")
      const listener = await hear(world, `threadId=${id}`)
      const reviews: string[] = []
      for (const title of ["Off by one", "Off by two"]) {
        const started = await command(world, id, "review", { instructions: `finding: /x/a.ts:7 ${title}` })
        assert.equal(started.status, 200, started.text)
        reviews.push(started.body.turnId as string)
        const from = listener.frames.length
        await listener.until(
          (f) => isNotification("turn/completed")(f) && f.payload.params?.turn?.id === reviews.at(-1),
          "the end of the review",
          Math.max(0, from - 200),
        )
      }
      listener.close()
      const before = await read(world, id)
      assert.deepEqual(kinds(before), ["message", "review", "review"])
      await world.restart("SIGTERM")
      await untilReady(world)
      const after = await read(world, id)
      assert.deepEqual([ids(after), kinds(after)], [ids(before), kinds(before)])
      for (const [at, title] of ["Off by one", "Off by two"].entries()) {
        const said = entriesOf(after, reviews[at] ?? "")
        assert.equal(said.filter((e) => e.type === "enteredReviewMode").length, 1)
        const words = said.flatMap(
          (e) =>
            (e.type === "exitedReviewMode" ? e.details : e.type === "agentMessage" ? e.content : []) || [],
        )
        assert.equal(words.length, 2)
        assert.ok(
          words.every((text) => text.includes(title)),
          JSON.stringify(said),
        )
      }
    },
  },
  {
    name: "a compaction is a turn of its own, which no message joins",
    async run(world) {
      const id = await newSession(world)
      await quick(world, id, "echo: before")
      const listener = await hear(world, `threadId=${id}`)
      const compacting = command(world, id, "compact")
      await listener.until((f) => f.payload.params?.item?.type === "contextCompaction", "the compaction")
      const sent = await command(world, id, "messages", { text: "echo: after it" })
      const compacted = await compacting
      assert.equal(compacted.status, 200, compacted.text)
      assert.deepEqual(compacted.body.result, {})
      assert.equal(sent.status, 202, sent.text)
      await listener.until(
        (f) => f.payload.params?.item?.text === "after it" && isNotification("item/completed")(f),
        "the answer",
      )
      const turns = (await read(world, id)).thread.turns as KindOfTurn[]
      const compactTurn = turns.find((turn) => turn.kind === "compact")
      assert.equal(compactTurn?.id, compacted.body.turnId)
      assert.equal(turns.length, 3)
      listener.close()
    },
  },
  {
    name: "a fork has the turns and items of its source, its controls, and goes its own way",
    async run(world) {
      const id = await newSession(world, { approvalPolicy: "never" })
      const empty = await command(world, id, "fork")
      assert.deepEqual([empty.status, empty.body.code], [409, "invalid_state"])
      await quick(world, id, "run: echo made\necho: one")
      await quick(world, id, "echo: two")
      const everything = await hear(world)
      const forked = await command(world, id, "fork")
      assert.equal(forked.status, 200, forked.text)
      const { session, thread, sourceSessionId } = forked.body as unknown as SessionRead & {
        sourceSessionId: string
      }
      assert.equal(sourceSessionId, id)
      assert.equal(thread.id, session.sessionId)
      assert.notEqual(session.sessionId, id)
      assert.equal(session.approvalPolicy, "never")
      await everything.until(
        (f) => f.type === "session_created" && f.threadId === session.sessionId,
        "session_created",
      )
      const [source, fork] = [await read(world, id), await read(world, session.sessionId)]
      assert.deepEqual(ids(fork), ids(source))
      assert.deepEqual(spoken(fork), ["one", "two"])
      assert.ok(fork.transcript.some((e) => e.type === "commandExecution"))
      await quick(world, session.sessionId, "echo: three")
      assert.deepEqual(spoken(await read(world, id)), ["one", "two"])
      assert.deepEqual(spoken(await read(world, session.sessionId)), ["one", "two", "three"])
      everything.close()
    },
  },
  {
    name: "turns are taken back, in the way that the binary has, and stay gone after a restart of the child",
    async run(world) {
      const id = await newSession(world)
      const none = await command(world, id, "rollback")
      assert.deepEqual([none.status, none.body.code], [409, "invalid_state"])
      for (const word of ["one", "two", "three"]) await quick(world, id, `echo: ${word}`)
      const before = ids(await read(world, id))
      const taken = await command(world, id, "rollback", { numTurns: 2 })
      assert.equal(taken.status, 200, taken.text)
      assert.equal(taken.body.numTurns, 2)
      assert.equal(taken.body.via, world.codexVersion === "0.169.0" ? "thread/revert" : "thread/rollback")
      assert.deepEqual(taken.body.turnIds, before.slice(1))
      const after = await read(world, id)
      assert.deepEqual([ids(after), spoken(after)], [before.slice(0, 1), ["one"]])
      assert.equal(after.transcript.at(-1)?.type, "thread.rolledBack")
      await quick(world, id, "echo: four")
      await world.restart("SIGKILL")
      await untilReady(world)
      const again = await read(world, id)
      assert.deepEqual(spoken(again), ["one", "four"])
      assert.deepEqual(
        again.transcript.filter((e) => e.role === "user").map((e) => e.content),
        ["echo: one", "echo: four"],
      )
      assert.equal((await command(world, id, "rollback", { numTurns: 0 })).status, 400)
    },
  },
  {
    name: "a turn that was joined is taken back whole, and back over a compaction only where that is safe",
    async run(world) {
      const id = await newSession(world)
      await quick(world, id, "echo: one")
      const listener = await hear(world, `threadId=${id}`)
      const { turnId, letGo } = await heldTurn(world, id, listener)
      assert.equal(await send(world, id, "echo: joined"), turnId)
      await letGo()
      await ended(listener, turnId)
      const taken = await command(world, id, "rollback")
      assert.equal(taken.status, 200, taken.text)
      assert.deepEqual(spoken(await read(world, id)), ["one"])
      await quick(world, id, "echo: two")
      const compacted = await command(world, id, "compact")
      await ended(listener, compacted.body.turnId as string)
      await quick(world, id, "echo: three")
      const back = await command(world, id, "rollback", { numTurns: 3 })
      const old = world.codexVersion === "0.105.0" || world.codexVersion === "0.130.0"
      if (old) assert.deepEqual([back.status, back.body.code], [409, "invalid_state"], back.text)
      else {
        assert.equal(back.status, 200, back.text)
        assert.equal(back.body.via, world.codexVersion === "0.169.0" ? "thread/revert" : "fork")
        assert.deepEqual(spoken(await read(world, id)), ["one"])
        await quick(world, id, "echo: four")
        await world.restart("SIGTERM")
        await untilReady(world)
        assert.deepEqual(spoken(await read(world, id)), ["one", "four"])
        await quick(world, id, "echo: five")
        const { body } = await listed(world)
        assert.equal(body.data.filter((row) => row.sessionId === id).length, 1)
        // Every thread that ever answered for the session goes with it.
        const rollouts = (): string[] =>
          readdirSync(join(world.place.dataDir, "codex-home"), { recursive: true, encoding: "utf8" }).filter(
            (name) => name.includes("rollout-"),
          )
        const before = rollouts().length
        const gone = await ask(world.daemon.url, `/api/sessions/${id}`, { method: "DELETE" })
        const files = before - rollouts().length
        assert.ok(files >= 2, `${files} rollouts went`)
        assert.ok(Number(gone.body.deletedFileCount) >= files, gone.text)
        assert.deepEqual(
          rollouts().filter((name) => name.includes(id)),
          [],
        )
      }
      listener.close()
    },
  },
  {
    name: "a detached review runs in a session of its own, or is 501 with the method's name",
    async run(world) {
      const id = await newSession(world)
      await quick(world, id, "echo: before")
      const everything = await hear(world)
      const asked = { delivery: "detached", instructions: "finding: /x/a.ts:7 Off by one" }
      const answer = await command(world, id, "review", asked)
      if (world.codexVersion === "0.169.0") {
        assert.equal(answer.status, 501, answer.text)
        assert.equal((answer.body.details as { method: string }).method, "review/start")
      } else {
        assert.equal(answer.status, 200, answer.text)
        const reviewId = answer.body.reviewSessionId as string
        assert.notEqual(reviewId, id)
        const isEnd = (f: Frame) => f.threadId === reviewId && isNotification("turn/completed")(f)
        await everything.until(isEnd, "the end of the review")
        const review = await read(world, reviewId)
        assert.deepEqual(kinds(review), ["message", detachedKind(world)])
        assert.equal(review.thread.turns[1]?.status, "completed")
        assert.deepEqual(kinds(await read(world, id)), ["message"])
      }
      everything.close()
    },
  },
  {
    name: "terminals are cleaned, and what nobody knows is 404",
    async run(world) {
      const id = await newSession(world)
      const cleaned = await command(world, id, "background-terminals/clean")
      assert.deepEqual([cleaned.status, cleaned.body], [200, { status: "ok", sessionId: id, result: {} }])
      const nobody = "0193b2f0-0000-7000-8000-000000000000"
      for (const what of ["fork", "compact", "rollback", "review", "background-terminals/clean"]) {
        const answer = await command(world, nobody, what)
        assert.ok([404, 409].includes(answer.status), `${what}: ${answer.text}`)
      }
      assert.equal((await command(world, nobody, "fork")).status, 404)
    },
  },
]

export interface PromptRow {
  promptId: string
  text: string
  state: string
  position: number | null
  turnId: string | null
}
export async function promptsOf({ daemon }: World, id: string, query = ""): Promise<PromptRow[]> {
  return (await ask<{ data: PromptRow[] }>(daemon.url, `/api/sessions/${id}/prompts${query}`)).body.data
}
async function listed({ daemon }: World) {
  return ask<{ data: { sessionId: string }[] }>(daemon.url, "/api/sessions?refresh=true")
}

/** 0.150 makes a detached review by a message with instructions. */
const detachedKind = ({ codexVersion }: World): string => (codexVersion === "0.150.1" ? "message" : "review")
