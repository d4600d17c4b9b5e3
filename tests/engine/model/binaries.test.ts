// Each real binary once, over stdio, against the scripted model on loopback.

import { afterAll, describe, expect, test } from "bun:test"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { systemClock } from "../../../src/base/kit/clock.ts"
import { createScriptedModel } from "../../../src/engine/model/model.ts"
import { providerConfig, SCRIPTED_MODEL } from "../../../src/engine/model/provider.ts"
import type { Json, Line, RawCodex } from "../../support/raw-codex.ts"
import { BINARIES, openRawCodex, openTestHome } from "../../support/raw-codex.ts"

const model = createScriptedModel({ clock: systemClock })
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 0,
  fetch: (request) => model.fetch(request),
})
afterAll(() => server.stop(true))

const TICKET = {
  name: "lookup_ticket",
  description: "Looks a ticket up.",
  inputSchema: { type: "object", properties: { id: { type: "string" } }, required: ["id"] },
}

/** The command that is left open, for tests that must act while the turn waits. */
const HELD = "touch held.txt"

function answer(method: string, params: Json): unknown {
  if (method === "item/commandExecution/requestApproval") {
    return String(params.command).includes(HELD) ? undefined : { decision: "accept" }
  }
  if (method === "item/fileChange/requestApproval") return { decision: "accept" }
  if (method === "item/tool/requestUserInput") return { answers: { answer: { answers: ["Red"] } } }
  const { id } = params.arguments as { id: string }
  return { success: true, contentItems: [{ type: "inputText", text: `ticket ${id} is open` }] }
}

type Item = { type: string; text?: string; summary?: string[]; review?: string }
const itemsOf = (lines: Line[]): Item[] =>
  lines.flatMap(({ message }) =>
    message.method === "item/completed" ? [(message.params as { item: Item }).item] : [],
  )
const textOf = (lines: Line[]): string | undefined =>
  itemsOf(lines).findLast((item) => item.type === "agentMessage")?.text
const asked = (lines: Line[]): string[] =>
  lines.flatMap(({ dir, message }) =>
    dir === "out" && message.id !== undefined && message.method ? [String(message.method)] : [],
  )

async function play(codex: RawCodex, threadId: string, cwd: string) {
  const run = (text: string, more: Json = {}) => codex.runTurn(threadId, text, more)

  const echo = await run("hello there")
  expect(echo.turn.status).toBe("completed")
  expect(textOf(echo.lines)).toBe("You said: hello there")

  const command = await run("run: touch made.txt && echo made")
  expect(asked(command.lines)).toEqual(["item/commandExecution/requestApproval"])
  expect(textOf(command.lines)).toBe("exec_command (exit 0):\nmade")
  expect(existsSync(join(cwd, "made.txt"))).toBe(true)

  const tool = await run('call: lookup_ticket {"id":"7"}\necho: seen')
  expect(asked(tool.lines)).toEqual(["item/tool/call"])
  expect(textOf(tool.lines)).toBe("seen")

  const patch = await run("patch: notes.txt\none\ntwo\nend")
  expect(asked(patch.lines)).toEqual(["item/fileChange/requestApproval"])
  expect(readFileSync(join(cwd, "notes.txt"), "utf8")).toBe("one\ntwo\n")
  expect(textOf(patch.lines)).toContain("(exit 0):\nSuccess.")

  const words = await run("reason: thinking\nwords: 300")
  const deltas = words.lines.flatMap(({ message }) =>
    message.method === "item/agentMessage/delta" ? [(message.params as { delta: string }).delta] : [],
  )
  expect(deltas.length).toBe(300)
  expect(deltas.join("")).toBe(textOf(words.lines) ?? "")
  expect(itemsOf(words.lines).find((item) => item.type === "reasoning")?.summary).toEqual(["thinking"])

  const settings = { model: SCRIPTED_MODEL, reasoning_effort: null, developer_instructions: null }
  const question = await run("ask: Colour? | Red | Blue", { collaborationMode: { mode: "plan", settings } })
  expect(asked(question.lines)).toEqual(["item/tool/requestUserInput"])
  expect(textOf(question.lines)).toContain("Red")

  for (const [script, info] of Object.entries({
    "fail: 500 broken": "internalServerError",
    "ratelimit: 9": "usageLimitExceeded",
    "words: 3\ncut": "other",
  })) {
    const failed = await run(script)
    expect(failed.turn).toMatchObject({ status: "failed", error: { codexErrorInfo: info } })
  }
}

async function steer(codex: RawCodex, threadId: string) {
  const from = codex.lines.length
  const input = (text: string) => [{ type: "text", text, text_elements: [] }]
  const { turn } = await codex.call("turn/start", { threadId, input: input(`run: ${HELD}\necho: never`) })
  const request = await codex.wait(
    "approval",
    (m) => m.method === "item/commandExecution/requestApproval",
    from,
  )
  const expectedTurnId = (turn as { id: string }).id
  await codex.call("turn/steer", { threadId, expectedTurnId, input: input("echo: steered") })
  codex.send({ id: request.id, result: { decision: "accept" } })
  await codex.wait("turn/completed", (m) => m.method === "turn/completed", from)
  expect(textOf(codex.lines.slice(from))).toBe("steered")
}

async function interrupt(codex: RawCodex, threadId: string) {
  const from = codex.lines.length
  const input = [{ type: "text", text: "words: 3\nhang", text_elements: [] }]
  const { turn } = await codex.call("turn/start", { threadId, input })
  await codex.wait(
    "the words",
    (m) => m.method === "item/completed" && JSON.stringify(m).includes("w1 w2 w3"),
    from,
  )
  await codex.call("turn/interrupt", { threadId, turnId: (turn as { id: string }).id })
  const done = await codex.wait("turn/completed", (m) => m.method === "turn/completed", from)
  expect((done.params as { turn: Json }).turn.status).toBe("interrupted")
}

async function reviewAndCompact(codex: RawCodex, threadId: string) {
  const until = async (method: string, params: Json) => {
    const from = codex.lines.length
    await codex.call(method, { threadId, ...params })
    await codex.wait(`end of ${method}`, (m) => m.method === "turn/completed", from)
    return codex.lines.slice(from)
  }
  const target = { type: "custom", instructions: "finding: /x/a.ts:7 Off by one" }
  const review = itemsOf(await until("review/start", { target })).find(
    (item) => item.type === "exitedReviewMode",
  )
  expect(review?.review).toContain("Off by one")
  expect(review?.review).toContain("/x/a.ts:7-7")

  await until("thread/compact/start", {})
  const after = await codex.runTurn(threadId, "echo: still here")
  expect(textOf(after.lines)).toBe("still here")
}

describe("the scripted model makes a whole session of", () => {
  for (const [version, binary] of Object.entries(BINARIES)) {
    test(version, async () => {
      using home = openTestHome(`model-${version}`)
      const cwd = join(home.path, "work")
      mkdirSync(cwd)
      const config = providerConfig({ baseUrl: server.url.origin, model: SCRIPTED_MODEL })
      writeFileSync(join(home.path, "config.toml"), config)
      await using codex = await openRawCodex({ binary, codexHome: home.path, cwd, answer })
      const { thread } = await codex.call("thread/start", {
        cwd,
        approvalPolicy: "untrusted",
        sandbox: "workspace-write",
        dynamicTools: [version === "0.105.0" ? TICKET : { type: "function", ...TICKET }],
      })
      const threadId = (thread as { id: string }).id
      await play(codex, threadId, cwd)
      await steer(codex, threadId)
      await interrupt(codex, threadId)
      await reviewAndCompact(codex, threadId)
    }, 60_000)
  }
})
