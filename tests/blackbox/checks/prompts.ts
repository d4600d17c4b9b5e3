// Prompts that wait, and keys that make a request count once, on the real binaries (decisions 16, 17).

import { strict as assert } from "node:assert"
import { ask, type Frame, type Listener } from "../../support/client.ts"
import {
  type Check,
  ended,
  get,
  hear,
  isNotification,
  newSession,
  post,
  read,
  runTurn,
  send,
  untilReady,
  type World,
} from "../world.ts"
import { heldTurn, promptsOf } from "./commands.ts"

const at = (id: string, promptId?: unknown) => `/api/sessions/${id}/prompts${promptId ? `/${promptId}` : ""}`

const queue = async (world: World, id: string, text: string): Promise<string> => {
  const {
    status,
    body,
    text: said,
  } = await post(world, `/api/sessions/${id}/messages`, { text, whenBusy: "queue" })
  assert.deepEqual([status, body.queued], [202, true], said)
  return body.turnId as string
}

/** The prompt once it has come that far. */
const until = (listener: Listener, promptId: string, state: string): Promise<Frame> =>
  listener.until(
    (f) => f.type === "prompt_updated" && f.payload.promptId === promptId && f.payload.state === state,
    `prompt ${promptId} is ${state}`,
  )

/** What became of it once nothing is under way. */
async function settledPrompt(
  world: World,
  listener: Listener,
  id: string,
  promptId: string,
): Promise<string> {
  const stateOf = async () =>
    (await promptsOf(world, id, "?all=true")).find((p) => p.promptId === promptId)?.state ?? "gone"
  let state = await stateOf()
  for (let heard = 0; state === "queued" || state === "dispatched"; state = await stateOf()) {
    await listener.until((f) => f.type === "prompt_updated", "the prompt is settled", heard)
    heard = listener.frames.length
  }
  return state
}

const answers = async (world: World, id: string) =>
  (await read(world, id)).transcript.filter((e) => e.type === "agentMessage").map((e) => e.content)

const TOOL = { name: "lookup", description: "Looks up.", inputSchema: { type: "object", properties: {} } }
const OTHER = { ...TOOL, name: "other_lookup" }

export const promptChecks: Check[] = [
  {
    name: "queued prompts are listed, edited, reordered, cancelled, and sent in order when the turn ends",
    async run(world) {
      const id = await newSession(world)
      const listener = await hear(world, `threadId=${id}`)
      const { turnId, letGo } = await heldTurn(world, id, listener)
      const [a, b, c] = [
        await queue(world, id, "echo: a"),
        await queue(world, id, "echo: b"),
        await queue(world, id, "echo: c"),
      ]
      const edited = await ask(world.daemon.url, at(id, c), {
        method: "PATCH",
        json: { position: 0, text: "echo: C" },
      })
      assert.equal(edited.status, 200, edited.text)
      const canceled = await ask(world.daemon.url, at(id, b), { method: "DELETE" })
      assert.deepEqual(
        [canceled.status, (canceled.body.prompt as { state: string }).state],
        [200, "canceled"],
      )
      assert.deepEqual(
        (await promptsOf(world, id)).map(({ promptId, text, state, position }) => [
          promptId,
          text,
          state,
          position,
        ]),
        [
          [c, "echo: C", "queued", 0],
          [a, "echo: a", "queued", 1],
        ],
      )
      await letGo()
      const last = await until(listener, a ?? "", "accepted")
      await ended(listener, last.payload.turnId as string)
      assert.deepEqual(await answers(world, id), ["first", "C", "a"])
      assert.ok(
        listener.frames.findIndex(isNotification("turn/completed", turnId)) < listener.frames.indexOf(last),
      )
      assert.deepEqual(await promptsOf(world, id), [])
      const all = await promptsOf(world, id, "?all=true")
      assert.deepEqual(all.map((p) => p.state).toSorted(), ["accepted", "accepted", "canceled"])
      const over = await ask(world.daemon.url, at(id, a), { method: "PATCH", json: { text: "echo: x" } })
      assert.deepEqual([over.status, over.body.code], [409, "prompt_settled"])
      const unknown = await ask(world.daemon.url, at(id, "nobody"), { method: "DELETE" })
      assert.deepEqual([unknown.status, unknown.body.status], [404, "not_found"])
      const nothing = await ask(world.daemon.url, at(id, a), { method: "PATCH", json: {} })
      assert.equal(nothing.status, 400)
      listener.close()
    },
  },
  {
    name: "a prompt made in an idle session is sent at once",
    async run(world) {
      const id = await newSession(world)
      const listener = await hear(world, `threadId=${id}`)
      const made = await post(world, at(id), { text: "echo: now", approvalPolicy: "never" })
      assert.equal(made.status, 202, made.text)
      const { promptId } = made.body.prompt as { promptId: string }
      const sent = await until(listener, promptId, "accepted")
      await ended(listener, sent.payload.turnId as string)
      assert.deepEqual(await answers(world, id), ["now"])
      assert.equal((await read(world, id)).session.approvalPolicy, "never")
      listener.close()
    },
  },
  {
    name: "queued prompts survive a kill of the daemon and are sent once, when the child is back",
    async run(world) {
      const id = await newSession(world)
      const listener = await hear(world, `threadId=${id}`)
      const turnId = await send(world, id, "words: 3\nhang")
      await listener.until(isNotification("item/agentMessage/delta", turnId), "words")
      const promptId = await queue(world, id, "echo: survived")
      await world.restart("SIGKILL")
      await untilReady(world)
      const after = await hear(world, `threadId=${id}`)
      const isSent = async () => (await promptsOf(world, id, "?all=true"))[0]?.state === "accepted"
      if (!(await isSent())) await until(after, promptId, "accepted")
      const [row] = await promptsOf(world, id, "?all=true")
      const isOver = async () =>
        (await read(world, id)).thread.turns.find((t) => t.id === row?.turnId)?.status === "completed"
      if (!(await isOver())) await ended(after, row?.turnId ?? "")
      const users = (await read(world, id)).transcript.filter((e) => e.role === "user").map((e) => e.content)
      assert.deepEqual(users, ["words: 3\nhang", "echo: survived"])
      after.close()
    },
  },
  {
    name: "a child killed as a prompt is handed to it has it once, or nobody is told that it has",
    async run(world) {
      const told = world.codexVersion === "0.150.1" || world.codexVersion === "0.169.0"
      for (const moment of ["dispatched", "started"]) {
        const { codex } = await untilReady(world)
        const id = await newSession(world)
        const before = await runTurn(world, id, "echo: before")
        const { listener } = before
        const made = await post(world, at(id), { text: "echo: handed over" })
        const { promptId } = made.body.prompt as { promptId: string }
        if (moment === "dispatched") await until(listener, promptId, "dispatched")
        else {
          const from = listener.frames.findIndex(isNotification("turn/completed"))
          await listener.until(isNotification("turn/started"), "the prompt's turn", from)
        }
        process.kill(codex.pid ?? 0, "SIGKILL")
        await untilReady(world, codex.pid)
        const settled = await settledPrompt(world, listener, id, promptId)
        assert.ok(told ? settled === "accepted" : ["accepted", "indeterminate"].includes(settled), settled)
        const isIdle = async () =>
          (await read(world, id)).thread.turns.every((t) => t.status !== "inProgress")
        for (let heard = 0; !(await isIdle()); ) {
          await listener.until(isNotification("turn/completed"), "the end", heard)
          heard = listener.frames.length
        }
        const users = (await read(world, id)).transcript
          .filter((e) => e.role === "user")
          .map((e) => e.content)
        const times = users.filter((text) => text === "echo: handed over").length
        assert.ok(settled === "accepted" ? times === 1 : times <= 1, `${settled}, told ${times} times`)
        listener.close()
      }
    },
  },
  {
    name: "the same Idempotency-Key gives the same answer, also after a restart, and nothing is sent twice",
    async run(world) {
      const id = await newSession(world)
      const listener = await hear(world, `threadId=${id}`)
      const path = `/api/sessions/${id}/messages`
      const headers = { "idempotency-key": `key-${id}` }
      const json = { text: "echo: once" }
      const [one, two] = await Promise.all([1, 2].map(() => ask(world.daemon.url, path, { json, headers })))
      assert.equal(one?.status, 202, one?.text)
      assert.deepEqual(two?.body, one?.body)
      await ended(listener, one?.body.turnId as string)
      const other = await ask(world.daemon.url, path, { json: { text: "echo: other" }, headers })
      assert.deepEqual([other.status, other.body.code], [422, "idempotency_key_reused"])
      const made = await ask(world.daemon.url, "/api/sessions", { json: { cwd: world.daemon.work }, headers })
      await world.restart("SIGKILL")
      await untilReady(world)
      const again = await ask(world.daemon.url, path, { json, headers })
      assert.deepEqual([again.status, again.body], [202, one?.body])
      const madeAgain = await ask(world.daemon.url, "/api/sessions", {
        json: { cwd: world.daemon.work },
        headers,
      })
      assert.deepEqual(madeAgain.body, made.body)
      assert.deepEqual(await answers(world, id), ["once"])
      const empty = await ask(world.daemon.url, path, {
        json,
        headers: { "idempotency-key": "x".repeat(300) },
      })
      assert.equal(empty.status, 400)
    },
  },
  {
    name: "tools with a message: the same set is fine, another one only before the first turn",
    async run(world) {
      await untilReady(world)
      const id = await newSession(world, { dynamicTools: [TOOL] })
      const path = `/api/sessions/${id}/messages`
      const started = await post(world, path, { text: "echo: hello", dynamicTools: [OTHER] })
      assert.equal(started.status, 202, started.text)
      const listener = await hear(world, `threadId=${id}`)
      if ((await read(world, id)).thread.turns.at(-1)?.status === "inProgress")
        await ended(listener, started.body.turnId as string)
      const calling = await send(world, id, "call: other_lookup {}\necho: looked up", {
        dynamicTools: [OTHER],
      })
      const isCall = (f: Frame) => f.type === "tool_call_requested" && f.payload.turnId === calling
      const { payload } = await listener.until(isCall, "the call")
      assert.equal(payload.tool, "other_lookup")
      await post(world, `/api/tool-calls/${payload.requestId}/response`, { text: "found" })
      await ended(listener, calling)
      const other = await post(world, path, { text: "echo: hello", dynamicTools: [TOOL] })
      assert.deepEqual(
        [other.status, other.body.code, other.body.kept, other.body.asked],
        [400, "dynamic_tools_fixed", ["other_lookup"], ["lookup"]],
      )
      const again = await post(world, path, { text: "echo: fine", dynamicTools: [{ ...OTHER }] })
      assert.equal(again.status, 202, again.text)
      await ended(listener, again.body.turnId as string)
      const { body } = await get<{ data: { sessionId: string }[] }>(
        world,
        "/api/sessions?refresh=true&limit=200",
      )
      assert.equal(body.data.filter((row) => row.sessionId === id).length, 1)
      listener.close()
    },
  },
]
