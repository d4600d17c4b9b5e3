// Kinds of requests that the scripted model can't draw from the real binaries, asked by a program in their place: the older
// dialect, skills, what the daemon answers or refuses itself, secrets, deadlines.

import { test } from "bun:test"
import { strict as assert } from "node:assert"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { Listener } from "../support/client.ts"
import { COMMANDS, FAKE_CODEX } from "../support/daemon.ts"
import { assertFrames } from "./frames.ts"
import { openWorld } from "./vertical-suite.ts"
import {
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
  type World,
} from "./world.ts"

const NET_MS = 120_000
const spec = (env: Record<string, string> = {}) => ({ command: COMMANDS.bun, codexBin: FAKE_CODEX, env })

/** A turn in which the program asks these, one after the other; `next` is what waits for a person then. */
async function asking(world: World, ...lines: [method: string, params: object][]) {
  const sessionId = await newSession(world)
  const listener = await hear(world, `threadId=${sessionId}`)
  const text = lines.map(([method, params]) => `ask ${method} ${JSON.stringify(params)}`).join("\n")
  const turnId = await send(world, sessionId, text)
  let heard = 0
  return {
    sessionId,
    listener,
    turnId,
    async next(): Promise<Row & Record<string, unknown>> {
      const frame = await listener.until(isAsked, "a request", heard)
      heard = listener.frames.indexOf(frame) + 1
      return frame.payload as unknown as Row & Record<string, unknown>
    },
    /** What the program was answered, in order. */
    async answers(): Promise<Record<string, unknown>[]> {
      await ended(listener, turnId)
      listener.close()
      const said = entriesOf(await read(world, sessionId), turnId).at(-1)?.content ?? ""
      return said.split("\n").map((line) => JSON.parse(line))
    },
  }
}
const isAsked = ({ type }: Listener["frames"][number]) =>
  ["approval", "tool_user_input_requested", "tool_call_requested"].includes(type)
const input = (world: World, id: unknown, json: object) => post(world, `/api/tool-input/${id}/decision`, json)

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name))
}

test(
  "the older dialect, skills and modes of tomorrow are put before a person; what nobody can answer never waits",
  async () => {
    await using world = await openWorld(spec(), "0.169.0")
    const asked = await asking(
      world,
      [
        "execCommandApproval",
        { callId: "c1", command: ["git", "push"], cwd: "/w", reason: null, parsedCmd: [] },
      ],
      ["currentTime/read", {}],
      ["applyPatchApproval", { callId: "c2", fileChanges: { "/w/a": { type: "add", content: "x\n" } } }],
      ["account/chatgptAuthTokens/refresh", { reason: "unauthorized" }],
      ["skill/requestApproval", { bare: true, itemId: "s", skillName: "deploy" }],
      ["attestation/generate", { bare: true }],
      ["mcpServer/elicitation/request", { serverName: "id", mode: "openai/userVerification", title: "You?" }],
      ["something/new", {}],
    )
    const command = await asked.next()
    assert.deepEqual([command.summary, command.topic, command.turnId], ["git push", "command", asked.turnId])
    await decide(world, command.approvalId, "accept", { scope: "session" })
    const patch = await asked.next()
    assert.deepEqual([patch.summary, patch.details.changeCount], ["1 change", 1])
    await decide(world, patch.approvalId, "decline")
    const skill = await asked.next()
    assert.deepEqual([skill.summary, skill.threadId], ["use the skill deploy", asked.sessionId])
    await decide(world, skill.approvalId, "accept")
    const check = await asked.next()
    assert.equal((await input(world, check.requestId, { decision: "accept" })).status, 400)
    await input(world, check.requestId, { decision: "cancel" })
    const answers = await asked.answers()
    const refused = (why: RegExp) => (answer: Record<string, unknown> | undefined) => {
      assert.equal(answer?.code, -32601)
      assert.match(String(answer?.message), why)
    }
    assert.deepEqual(answers[0], { decision: "approved_for_session" })
    assert.ok(Math.abs(Number(answers[1]?.currentTimeAt) - Date.now() / 1000) < 600)
    assert.deepEqual(answers[2], { decision: "denied" })
    refused(/log in again/)(answers[3])
    assert.deepEqual(answers[4], { decision: "approve" })
    refused(/attested/)(answers[5])
    assert.deepEqual(answers[6], { action: "cancel", content: null, _meta: null })
    refused(/something\/new/)(answers[7])
    const told = asked.listener.frames.filter(({ type }) => type === "server_request")
    assert.deepEqual(
      told.map(({ payload }) => payload.method),
      // The attestation names no thread: those who listen to everything hear of it.
      ["account/chatgptAuthTokens/refresh", "something/new"],
    )
  },
  NET_MS,
)

test(
  "a secret answer reaches the program, and is nowhere in the data folder, the frames or the log, even when it is repeated",
  async () => {
    await using world = await openWorld(spec({ LOG_LEVEL: "trace" }), "0.169.0")
    const secret = 'tr0ub4dor "&3\\ zebra'
    const questions = [{ id: "pw", header: "Password", question: "Yours?", isSecret: true, options: null }]
    const asked = await asking(world, ["item/tool/requestUserInput", { questions }])
    const all = await hear(world)
    const { requestId } = await asked.next()
    const bad = await input(world, requestId, {
      decision: "accept",
      answers: { pw: { answers: [secret, 7] } },
    })
    const open = await input(world, requestId, {
      decision: "accept",
      answers: { other: { answers: [secret] } },
    })
    const answers = { pw: { answers: [secret] } }
    const given = await input(world, requestId, { decision: "accept", answers })
    assert.deepEqual([bad.status, open.status, given.status], [400, 400, 200])
    assert.deepEqual(open.body.unanswered, ["pw"])
    // The program got it and says it aloud; here it is masked.
    assert.deepEqual(await asked.answers(), [{ answers: { pw: { answers: ["[masked]"] } } }])
    const after = await input(world, requestId, {
      decision: "accept",
      answers: { pw: { answers: ["other"] } },
    })
    assert.equal(after.status, 409)
    assertFrames(all.frames)
    const texts = [bad, open, given, after].map((reply) => reply.text)
    for (const text of [...texts, ...all.frames.map((f) => f.text), world.daemon.said()])
      assert.ok(!/tr0ub4dor|zebra/.test(text), text)
    all.close()
    await world.daemon.end("SIGTERM")
    // Codex's own home is Codex's: there the program keeps what was said to it.
    for (const file of filesUnder(world.daemon.dataDir).filter((path) => !path.includes("codex-home")))
      assert.ok(!/tr0ub4dor|zebra/.test(readFileSync(file, "latin1")), file)
  },
  NET_MS,
)

test(
  "at its deadline a request is answered safely and says so, also when the daemon was away meanwhile",
  async () => {
    const soon = "100"
    await using world = await openWorld(
      spec({ TOOL_CALL_DEADLINE_MS: soon, APPROVAL_DEADLINE_MS: soon, ELICITATION_DEADLINE_MS: soon }),
      "0.169.0",
    )
    const asked = await asking(
      world,
      ["item/tool/call", { tool: "weather", callId: "c", arguments: {} }],
      ["item/commandExecution/requestApproval", { command: "make", cwd: "/w" }],
      ["mcpServer/elicitation/request", { serverName: "s", mode: "form", message: "m" }],
    )
    const row = await asked.next()
    assert.equal(Date.parse(String(row.expiresAt)) - Date.parse(row.createdAt), Number(soon))
    const answers = await asked.answers()
    assert.equal(answers[0]?.success, false)
    assert.match(JSON.stringify(answers[0]?.contentItems), /deadline/)
    assert.deepEqual(answers.slice(1), [
      { decision: "decline" },
      { action: "decline", content: null, _meta: null },
    ])
    const ends = asked.listener.frames.filter(({ type }) => type.endsWith("_resolved"))
    assert.deepEqual(
      ends.map(({ payload }) => [payload.status, payload.reason]),
      Array(3).fill(["resolved", "deadline"]),
    )
    const rows = entriesOf(await read(world, asked.sessionId), asked.turnId)
    assert.equal(rows.filter(({ details }) => details?.includes('"decidedFrom":"deadline"')).length, 3)

    // A person who is late hears what became of it.
    const late = await post(world, `/api/tool-calls/${row.requestId}/response`, { text: "late" })
    assert.deepEqual([late.status, late.body.status], [404, "not_found"])
    assert.deepEqual((await get<{ data: Row[] }>(world, "/api/requests")).body.data, [])
  },
  NET_MS,
)
