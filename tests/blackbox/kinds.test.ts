// Every kind of request on the real binaries, as far as the scripted model can draw it: MCP servers that ask, permissions,
// patches, rules, a decline with a word for the model, tools that come back with a thread that starts anew.

import { describe, test } from "bun:test"
import { strict as assert } from "node:assert"
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { systemClock } from "../../src/base/kit/clock.ts"
import { createScriptedModel } from "../../src/engine/model/model.ts"
import { providerConfig } from "../../src/engine/model/provider.ts"
import type { Listener } from "../support/client.ts"
import { COMMANDS, type CodexVersion, codexBin, openPlace, ROOT, VERSIONS } from "../support/daemon.ts"
import { assertFrames } from "./frames.ts"
import {
  approvalOf,
  decide,
  ended,
  entriesOf,
  get,
  health,
  hear,
  newSession,
  post,
  type Row,
  read,
  send,
  untilReady,
  type World,
} from "./world.ts"

const NET_MS = 120_000

/** A home with the MCP server that asks. The model's name decides that its tools are offered without a search for them. */
function configOf(baseUrl: string): string {
  const [bun, ...options] = COMMANDS.bun.slice(0, -1)
  const args = [...options, join(ROOT, "tests/fakes/mcp-asks.ts")]
  return `${providerConfig({ baseUrl, model: "gpt-5.1-codex" })}
request_permissions_tool = true

[mcp_servers.asks]
command = ${JSON.stringify(bun)}
args = ${JSON.stringify(args)}
`
}

async function openWorld(codexVersion: CodexVersion): Promise<World & AsyncDisposable> {
  const place = openPlace(`kinds-${codexVersion}`)
  const model = createScriptedModel({ clock: systemClock })
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, fetch: (r) => model.fetch(r) })
  const home = join(place.path, "codex-home")
  mkdirSync(home)
  // Where nobody can answer, the tool's own limit ends the call.
  const limit = codexVersion === "0.105.0" ? "tool_timeout_sec = 1\n" : ""
  writeFileSync(join(home, "config.toml"), configOf(`http://127.0.0.1:${server.port}`) + limit)
  const env = { CODEX_HOME: home, DRAIN_GRACE_MS: "0" }
  const spec = { command: COMMANDS.bun, codexBin: codexBin(codexVersion), env, offline: false }
  const world: World & AsyncDisposable = {
    place,
    codexVersion,
    daemon: await place.start(spec),
    async restart(signal) {
      const exit = await world.daemon.end(signal)
      world.daemon = await place.start(spec)
      return exit
    },
    async [Symbol.asyncDispose]() {
      await place[Symbol.asyncDispose]()
      server.stop(true)
    },
  }
  await untilReady(world)
  return world
}

/** A session with a turn that does this, and whoever listens to it. */
async function doing(world: World, text: string, input: Record<string, unknown> = {}) {
  const sessionId = await newSession(world, input)
  const listener = await hear(world, `threadId=${sessionId}`)
  const turnId = await send(world, sessionId, text)
  const done = async () => {
    await ended(listener, turnId)
    assertFrames(listener.frames)
    listener.close()
    return entriesOf(await read(world, sessionId), turnId).at(-1)?.content ?? ""
  }
  return { sessionId, listener, turnId, done }
}

const MCP: Record<CodexVersion, string> = {
  "0.105.0": "mcp__asks__",
  "0.130.0": "mcp__asks__.",
  "0.150.1": "mcp__asks.",
  "0.169.0": "mcp__asks.",
}
type Asked = Row & { requestId: string; about: Record<string, unknown>; choices: object[]; topic: string }
const inputOf = async (listener: Listener): Promise<Asked> =>
  (await listener.until((f) => f.type === "tool_user_input_requested", "the question"))
    .payload as unknown as Asked
const approvedOf = async (listener: Listener, turnId: string) =>
  (await approvalOf(listener, turnId)).payload as unknown as Asked & { approvalId: string }

async function form(world: World): Promise<void> {
  const { listener, sessionId, done } = await doing(world, `call: ${MCP[world.codexVersion]}order {}`)
  if (world.codexVersion === "0.105.0") {
    // It tells of the question in an event alone, and takes an answer from nobody.
    assert.match(await done(), /timed out/)
    assert.ok(!listener.frames.some((f) => f.type === "tool_user_input_requested"))
    return
  }
  const row = await inputOf(listener)
  assert.deepEqual(
    [row.topic, row.summary, row.threadId],
    ["elicitation", "asks: What may it be?", sessionId],
  )
  const inbox = await get<{ data: Asked[] }>(world, `/api/requests?sessionId=${sessionId}`)
  assert.deepEqual(
    inbox.body.data.map(({ requestId }) => requestId),
    [row.requestId],
  )
  const answer = (more: object) =>
    post(world, `/api/tool-input/${row.requestId}/decision`, { decision: "accept", ...more })
  const open = await answer({ answers: { gift: { answers: ["true"] } } })
  assert.deepEqual([open.status, (open.body.unanswered as string[]).toSorted()], [400, ["count", "size"]])
  const few = await answer({ answers: { size: { answers: ["s"] }, count: { answers: ["few"] } } })
  assert.match(few.body.message ?? "", /count: must be a whole number/)
  const answers = { size: { answers: ["l"] }, count: { answers: ["3"] }, gift: { answers: ["true"] } }
  const given = await answer({ answers, actor: "Ada", source: "test" })
  assert.deepEqual([given.status, given.body.decidedBy, given.body.decidedFrom], [200, "Ada", "test"])
  const said = (await done()).replaceAll("\\", "")
  for (const part of ['"action":"accept"', '"size":"l"', '"count":3', '"gift":true'])
    assert.ok(said.includes(part), said)
}

async function link(world: World): Promise<void> {
  if (world.codexVersion === "0.105.0") return
  const { listener, done } = await doing(world, `call: ${MCP[world.codexVersion]}open {}`)
  const row = await inputOf(listener)
  assert.deepEqual([row.about.mode, row.about.url], ["url", "https://example.org/login"])
  await post(world, `/api/tool-input/${row.requestId}/decision`, { decision: "decline" })
  assert.match((await done()).replaceAll("\\", ""), /"action":"decline"/)
}

async function permissions(world: World): Promise<void> {
  if (world.codexVersion === "0.105.0") return
  const asked = { network: { enabled: true }, file_system: { read: ["/etc"], write: ["/srv/a", "/srv/b"] } }
  const call = `call: request_permissions ${JSON.stringify({ reason: "to build", permissions: asked })}`
  const { listener, turnId, done } = await doing(world, call)
  const row = await approvedOf(listener, turnId)
  assert.equal(row.topic, "permissions")
  assert.equal(row.summary, "permissions: network access, read /etc, write /srv/a, write /srv/b")
  const more = await decide(world, row.approvalId, "accept", {
    permissions: { fileSystem: { write: ["/"] } },
  })
  assert.equal(more.status, 400)
  const granted = { fileSystem: { write: ["/srv/a"] } }
  const part = await decide(world, row.approvalId, "accept", { permissions: granted })
  assert.deepEqual([part.status, part.body.permissions], [200, granted])
  const end = await listener.until((f) => f.type === "approval_resolved", "what was granted")
  assert.deepEqual(end.payload.permissions, granted)
  const said = await done()
  assert.match(said, /\/srv\/a/)
  assert.doesNotMatch(said, /\/srv\/b|\/etc|"enabled":true/)
}

async function patch(world: World): Promise<void> {
  const { listener, turnId, done } = await doing(world, "patch: notes.txt | first line | second line", {
    filesystemSandbox: "read-only",
  })
  const row = await approvedOf(listener, turnId)
  assert.deepEqual([row.topic, row.summary, row.details.changeCount], ["fileChange", "1 change", 1])
  const [change] = row.about.changes as { path: string; kind: string; diff: string; added: number }[]
  assert.deepEqual([change?.kind, change?.added], ["add", 2])
  assert.match(change?.path ?? "", /notes\.txt$/)
  assert.match(change?.diff ?? "", /first line\n\+?second line/)
  assert.ok(!existsSync(join(world.daemon.work, "notes.txt")))
  assert.equal((await decide(world, row.approvalId, "accept")).status, 200)
  await done()
  assert.ok(existsSync(join(world.daemon.work, "notes.txt")))
}

async function feedback(world: World): Promise<void> {
  const { listener, turnId, done } = await doing(world, "run: touch never.txt\necho: went on")
  const { approvalId } = await approvedOf(listener, turnId)
  const reply = await decide(world, approvalId, "decline", {
    feedback: "echo: understood, I use another way",
  })
  assert.deepEqual([reply.status, reply.body.feedback], [200, "given"])
  assert.equal(await done(), "understood, I use another way")
  assert.ok(!existsSync(join(world.daemon.work, "never.txt")))
}

/** A rule that the binary proposes is taken, and the next command that starts so asks no more. */
async function rule(world: World): Promise<void> {
  const file = `rule-${world.codexVersion}.txt`
  const { sessionId, listener, turnId } = await doing(world, `run: touch ${file}`)
  const row = await approvedOf(listener, turnId)
  const choice = row.choices.find((one) => "execpolicyAmendment" in one)
  assert.ok(choice, `no rule among ${JSON.stringify(row.choices)}`)
  const other = await decide(world, row.approvalId, "accept", { execpolicyAmendment: ["rm"] })
  assert.equal(other.status, 400)
  assert.equal((await post(world, `/api/approvals/${row.approvalId}/decision`, choice)).status, 200)
  await ended(listener, turnId)
  const next = await send(world, sessionId, `run: touch ${file}`)
  await ended(listener, next)
  assert.equal(listener.frames.filter((f) => f.type === "approval").length, 1)
  assertFrames(listener.frames)
  listener.close()
}

const PIXEL =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
const tool = { name: "weather", description: "The weather", inputSchema: { type: "object", properties: {} } }

/** The tools of a session that no turn was sent to come back with the thread that is started anew for it. */
async function tools(world: World): Promise<void> {
  const sessionId = await newSession(world, { dynamicTools: [tool] })
  const { pid } = (await health(world)).codex
  process.kill(Number(pid), "SIGKILL")
  await untilReady(world, pid)
  const listener = await hear(world, `threadId=${sessionId}`)
  const turnId = await send(world, sessionId, "call: weather {}\ncall: weather {}\necho: done")
  const call = async (from: number) =>
    (await listener.until((f) => f.type === "tool_call_requested", "the call", from))
      .payload as unknown as Asked
  const first = await call(0)
  const from = listener.frames.length
  const contentItems = [
    { type: "inputText", text: "a picture" },
    { type: "inputImage", imageUrl: PIXEL },
  ]
  const answer = (id: string, body: object) => post(world, `/api/tool-calls/${id}/response`, body)
  assert.equal((await answer(first.requestId, { contentItems })).status, 200)
  const second = await call(from)
  assert.equal((await answer(second.requestId, { success: false, text: "no more" })).status, 200)
  assert.equal((await ended(listener, turnId)).payload.params?.turn?.status, "completed")
  assert.equal(entriesOf(await read(world, sessionId), turnId).at(-1)?.content, "done")
  assertFrames(listener.frames)
  listener.close()
}

describe("on the real", () => {
  test.concurrent.each(VERSIONS)(
    "%s every kind of request is asked, judged and answered",
    async (version) => {
      await using world = await openWorld(version)
      await Promise.all([form, link, permissions, patch, feedback, rule].map((check) => check(world)))
      await tools(world)
    },
    NET_MS,
  )
})
