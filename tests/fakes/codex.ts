// A fake `codex app-server`, for the ways of dying that the real one won't show on demand. FAKE_CODEX chooses them, comma
// separated (see MISCHIEF); without it it behaves. A turn echoes its text word by word; `run: COMMAND` asks for approval
// and really runs it, in a session of its own and with CODEX_THREAD_ID, as the real one does; `hang:` waits for an interrupt.

import { spawn } from "node:child_process"
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import {
  agentItem,
  commandItem,
  type Json,
  newThread,
  newTurn,
  openedJson,
  type Thread,
  type Turn,
  threadJson,
  turnJson,
  userItem,
} from "./codex-shapes.ts"

/** Name → what it does. A number or a method may follow after `=`. */
const MISCHIEF = {
  "answer-twice": "every answer is given twice",
  "crash-on-start": "ends with code 7 at once; with =N only the first N times (counted in CODEX_HOME)",
  "die-mid-line": "on turn/start: half a line, then the end",
  "exit-on": "=METHOD: ends with code 3 instead of answering it",
  flood: "=N: a turn is N deltas of about 300 bytes, as fast as the pipe takes them",
  garbage: "lines that are no messages around every answer",
  grandchildren: "starts programs that outlive it, of every kind that is hard to find",
  "hang-initialize": "never answers initialize",
  "huge-line": "=BYTES: a turn has one delta of that size",
  "ignore-term": "neither TERM nor the end of stdin ends it",
  "last-words": "on turn/interrupt: a notification and the end, in one breath",
  mute: "says nothing of methods: the unknown one is refused without a list",
  overloaded: "=N: the first N calls after initialize get -32001",
  rate: "=N: the flood's deltas come at N a second",
  "refuse-experimental": "initialize with experimentalApi is -32600",
  "silent-on": "=METHOD: never answers it",
  "split-utf8": "every write is cut inside a character",
  "stderr-bytes": "=N: writes so much to stderr before it starts",
} as const
type Mischief = keyof typeof MISCHIEF

const chosen = new Map<string, string>()
for (const part of (process.env.FAKE_CODEX ?? "").split(",").filter(Boolean)) {
  const [name = "", value = ""] = part.split("=")
  if (!(name in MISCHIEF)) throw new Error(`FAKE_CODEX: no mischief is named ${name}`)
  chosen.set(name, value)
}
const does = (name: Mischief) => chosen.has(name)
const number = (name: Mischief) => Number(chosen.get(name) ?? 0)

const home = process.env.CODEX_HOME ?? "/nowhere"
const folder = join(home, "fake-threads")
const out = Bun.stdout.writer()
const threads = new Map<string, Thread>()
const loaded = new Set<string>()
const archived = new Set<string>()
const running = new Map<string, { turn: Turn; interrupt: () => void; interrupted: Promise<void> }>()
const asked = new Map<number, (answer: Json) => void>()
let initialized = false
let lastRequest = 0
let overloads = number("overloaded")
let spoken: Promise<void> = Promise.resolve()

/** Lines leave one after the other; resolves when the pipe took it. */
function say(text: string): Promise<void> {
  spoken = spoken.then(() => (does("split-utf8") ? writeSplit(text) : write(text)))
  return spoken
}
async function write(bytes: string | Uint8Array) {
  out.write(bytes)
  await out.flush()
}
/** Cuts inside the first character that has more than one byte. */
async function writeSplit(text: string) {
  const bytes = new TextEncoder().encode(text)
  const at = bytes.findIndex((byte) => byte >= 0x80)
  if (at < 0) return write(bytes)
  await write(bytes.slice(0, at + 1))
  await new Promise((resolve) => setImmediate(resolve))
  return write(bytes.slice(at + 1))
}
const line = (message: Json) => `${JSON.stringify(message)}\n`
const notify = (method: string, params: Json) => say(line({ method, params, emittedAtMs: Date.now() }))

async function answer(id: unknown, body: { result: Json } | { error: Json }) {
  // As the real one: an error stands before its id.
  const text = line("result" in body ? { id, result: body.result } : { error: body.error, id })
  if (does("garbage")) await say('this is no JSON\n[1,2]\n"text"\n{"neither":"nor"}\n\n')
  await say(text)
  if (does("answer-twice")) await say(text)
}
class Refusal extends Error {
  code = -32600
}
/** Ends now, with what was said still delivered. */
async function die(code: number): Promise<never> {
  await spoken
  process.exit(code)
}

function ask(method: string, params: Json): Promise<Json> {
  const id = lastRequest++
  return new Promise((resolve) => {
    asked.set(id, resolve)
    say(line({ method, id, params }))
  })
}

// Threads live in files once they have a turn, as rollouts do.
function keep(thread: Thread) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${thread.id}.json`), JSON.stringify(thread))
}
function load() {
  try {
    for (const name of readdirSync(folder)) {
      const thread: Thread = JSON.parse(readFileSync(join(folder, name), "utf8"))
      // What a dead process was doing reads as interrupted.
      for (const turn of thread.turns) if (turn.status === "inProgress") turn.status = "interrupted"
      threads.set(thread.id, thread)
    }
  } catch {
    // None yet.
  }
}
function threadOf(params: Json, how: "loaded" | "found"): Thread {
  const id = String(params.threadId)
  const thread = threads.get(id)
  if (!/^[0-9a-f-]{36}$/i.test(id)) throw new Refusal(`invalid thread id: ${id}`)
  if (!thread)
    throw new Refusal(how === "loaded" ? `thread not found: ${id}` : `no rollout found for thread id ${id}`)
  if (how === "loaded" && !loaded.has(id)) throw new Refusal(`thread not found: ${id}`)
  return thread
}
const statusOf = (thread: Thread): Json => ({
  type: running.has(thread.id) ? "active" : loaded.has(thread.id) ? "idle" : "notLoaded",
  ...(running.has(thread.id) && { activeFlags: [] }),
})

const handlers: Record<string, (params: Json) => Json> = {
  "thread/start": (params) => {
    const thread = newThread(Bun.randomUUIDv7(), params)
    threads.set(thread.id, thread)
    loaded.add(thread.id)
    queueMicrotask(() => notify("thread/started", { thread: threadJson(thread, { type: "idle" }) }))
    return openedJson(thread)
  },
  "thread/resume": (params) => {
    const thread = threadOf(params, "found")
    if (thread.turns.length === 0) throw new Refusal(`no rollout found for thread id ${thread.id}`)
    if (typeof params.approvalPolicy === "string") thread.approvalPolicy = params.approvalPolicy
    loaded.add(thread.id)
    return openedJson(thread)
  },
  "thread/read": (params) => {
    const thread = threads.get(String(params.threadId))
    if (!thread) throw new Refusal(`thread not loaded: ${params.threadId}`)
    return { thread: threadJson(thread, statusOf(thread), params.includeTurns === true) }
  },
  "thread/list": (params) => ({
    data: [...threads.values()]
      .filter((t) => t.turns.length > 0 && archived.has(t.id) === (params.archived === true))
      .map((t) => threadJson(t, statusOf(t))),
    readStates: {},
    nextCursor: null,
    backwardsCursor: null,
  }),
  "thread/loaded/list": () => ({ data: [...loaded], nextCursor: null }),
  "thread/turns/list": (params) => ({
    data: threadOf(params, "found").turns.map((turn) => turnJson(turn, "full")),
    nextCursor: null,
    backwardsCursor: null,
  }),
  "thread/name/set": (params) => {
    threadOf(params, "found").name = String(params.name)
    return {}
  },
  "thread/delete": (params) => {
    const { id } = threadOf(params, "found")
    threads.delete(id)
    loaded.delete(id)
    rmSync(join(folder, `${id}.json`), { force: true })
    return {}
  },
  "thread/archive": (params) => {
    archived.add(threadOf(params, "found").id)
    return {}
  },
  "thread/unarchive": (params) => {
    archived.delete(threadOf(params, "found").id)
    return {}
  },
  "turn/start": (params) => {
    const thread = threadOf(params, "loaded")
    const current = running.get(thread.id)
    // As 0.169: it joins the running turn.
    if (current) return { turn: turnJson(current.turn, "notLoaded") }
    const turn = newTurn(Bun.randomUUIDv7())
    thread.turns.push(turn)
    const { promise, resolve } = Promise.withResolvers<void>()
    running.set(thread.id, { turn, interrupt: resolve, interrupted: promise })
    const text = (params.input as { text?: string }[]).map((part) => part.text ?? "").join("\n")
    thread.preview ||= text
    keep(thread)
    const begun = { turn: turnJson(turn, "notLoaded") }
    queueMicrotask(() =>
      play({ thread, turn, text, clientId: params.clientUserMessageId, interrupted: promise }),
    )
    return begun
  },
  "turn/steer": (params) => {
    const current = running.get(threadOf(params, "loaded").id)
    if (!current) throw new Refusal("no active turn to steer")
    return { turnId: current.turn.id }
  },
  "turn/interrupt": (params) => {
    const current = running.get(threadOf(params, "loaded").id)
    if (!current) throw new Refusal("no active turn to interrupt")
    current.interrupt()
    return {}
  },
}

interface Play {
  thread: Thread
  turn: Turn
  text: string
  clientId: unknown
  interrupted: Promise<void>
}
type Item = Json & { id: string }

async function play({ thread, turn, text, clientId, interrupted }: Play) {
  const ids = { threadId: thread.id, turnId: turn.id }
  const status = (more: Json) => notify("thread/status/changed", { threadId: thread.id, status: more })
  await status({ type: "active", activeFlags: [] })
  await notify("turn/started", { threadId: thread.id, turn: turnJson(turn, "notLoaded") })
  const begin = (item: Json) => notify("item/started", { item, ...ids, startedAtMs: Date.now() })
  const finish = (item: Json) => {
    item.completedAtMs = Date.now()
    turn.items.push(item)
    return notify("item/completed", { item, ...ids, contentTokenCount: null, completedAtMs: Date.now() })
  }
  const user = userItem(Bun.randomUUIDv7(), text, clientId)
  await begin(user)
  await finish(user)

  let said = `You said: ${text}`
  if (text.startsWith("hang:")) await interrupted
  else if (text.startsWith("run:")) {
    const item = commandItem(`call_${Bun.randomUUIDv7()}`, text.slice(4).trim(), thread.cwd) as Item
    said = await runCommand({ thread, ids, item, begin, finish, interrupted, status })
  }
  let stopped = false
  interrupted.then(() => {
    stopped = true
  })
  await null
  if (!stopped) {
    const message = agentItem(`msg_${Bun.randomUUIDv7()}`, "") as Item
    await begin(message)
    message.text = await speak(said, { ...ids, itemId: message.id })
    await finish(message)
  }
  turn.status = stopped ? "interrupted" : "completed"
  turn.completedAt = Math.floor(Date.now() / 1000)
  running.delete(thread.id)
  keep(thread)
  await status({ type: "idle" })
  await notify("turn/completed", {
    threadId: thread.id,
    turn: turnJson(turn, stopped ? "notLoaded" : "summary"),
  })
}

/** The deltas of a message; what it says in the end. */
async function speak(text: string, ids: Json): Promise<string> {
  const delta = (words: string) =>
    line({ method: "item/agentMessage/delta", params: { ...ids, delta: words }, emittedAtMs: Date.now() })
  if (does("die-mid-line")) {
    await say(delta("whole "))
    await say(delta("this one is cut off").slice(0, 60))
    await die(1)
  }
  if (does("huge-line")) await say(delta("x".repeat(number("huge-line"))))
  if (!does("flood")) {
    for (const word of text.split(/(?<= )/)) await say(delta(word))
    return text
  }
  const filler = "abcdefg ".repeat(6)
  const perWrite = does("rate") ? 1 : 200
  const startedAt = performance.now()
  for (let sent = 0; sent < number("flood"); ) {
    let batch = ""
    for (let i = 0; i < perWrite && sent < number("flood"); i++) batch += delta(`${sent++} ${filler}`)
    await say(batch)
    const due = does("rate") ? startedAt + (sent * 1000) / number("rate") - performance.now() : 0
    if (due > 1) await new Promise((resolve) => setTimeout(resolve, due))
  }
  return text
}

interface Run {
  thread: Thread
  ids: { threadId: string; turnId: string }
  item: Item
  begin(item: Json): Promise<void>
  finish(item: Json): Promise<void>
  interrupted: Promise<void>
  status(status: Json): Promise<void>
}
/** Asks unless the policy is `never`, runs, and says what came of it. */
async function runCommand({ thread, ids, item, begin, finish, interrupted, status }: Run): Promise<string> {
  const command = (item.commandActions as { command: string }[])[0]?.command ?? ""
  await begin(item)
  if (thread.approvalPolicy !== "never") {
    await status({ type: "active", activeFlags: ["waitingOnApproval"] })
    const requestId = lastRequest
    const answered = ask("item/commandExecution/requestApproval", {
      kind: "command",
      ...ids,
      itemId: item.id,
      startedAtMs: Date.now(),
      environmentId: "local",
      command: item.command,
      cwd: item.cwd,
      commandActions: item.commandActions,
      proposedExecpolicyAmendment: null,
      availableDecisions: ["accept", "decline", "cancel"],
    })
    const verdict = await Promise.race([answered, interrupted.then(() => ({ decision: "interrupted" }))])
    asked.delete(requestId)
    await notify("serverRequest/resolved", { threadId: thread.id, requestId })
    await status({ type: "active", activeFlags: [] })
    if (!String(verdict.decision).startsWith("accept")) {
      item.status = "declined"
      await finish(item)
      return "declined"
    }
  }
  const { exitCode, output } = await shell(command, thread, interrupted)
  Object.assign(item, {
    status: exitCode === 0 ? "completed" : "failed",
    exitCode,
    aggregatedOutput: output,
    durationMs: 0,
  })
  await finish(item)
  return `exec_command (exit ${exitCode}):\n${output}`
}

function shell(command: string, thread: Thread, interrupted: Promise<void>) {
  const env = { ...process.env, CODEX_THREAD_ID: thread.id }
  const child = spawn("/bin/bash", ["-c", command], { cwd: thread.cwd, env, detached: true })
  let output = ""
  child.stdout.on("data", (chunk) => {
    output += chunk
  })
  interrupted.then(() => child.kill("SIGKILL"))
  // On exit, not on the end of its output: what it left in the background holds that open.
  return new Promise<{ exitCode: number | null; output: string }>((resolve) => {
    child.on("exit", (exitCode) => resolve({ exitCode, output }))
  })
}

/** Each writes its pid to CODEX_HOME/survivors, then stays. They hold none of our pipes. */
function startGrandchildren() {
  const list = join(home, "survivors")
  appendFileSync(list, "")
  const stay = (kind: string) => `echo ${kind} $$ >> '${list}'; exec sleep 1000`
  const deaf = `trap '' TERM; echo deaf $$ >> '${list}'; while :; do sleep 1000; done`
  const scripts = [
    stay("plain"),
    // As stdio MCP servers are: a group of its own and nothing in its environment.
    `set -m; env -i /bin/sh -c "${stay("cleared").replaceAll("$", "\\$")}" &`,
    `setsid /bin/sh -c "${stay("setsid").replaceAll("$", "\\$")}" &`,
    `(setsid /bin/sh -c "(${stay("forked").replaceAll("$", "\\$")}) &" &)`,
    deaf,
  ]
  for (const script of scripts) spawn("/bin/bash", ["-c", script], { stdio: "ignore" })
}

async function hear(text: string) {
  const message: Json = JSON.parse(text)
  const { id, method } = message
  if (typeof method !== "string") {
    asked.get(id as number)?.((message.result ?? {}) as Json)
    asked.delete(id as number)
    return
  }
  if (id === undefined) return
  if (chosen.get("exit-on") === method) await die(3)
  if (chosen.get("silent-on") === method || (method === "initialize" && does("hang-initialize"))) return
  try {
    await answer(id, { result: handle(method, (message.params ?? {}) as Json) })
  } catch (error) {
    const code = error instanceof Refusal ? error.code : -32603
    await answer(id, { error: { code, message: error instanceof Error ? error.message : String(error) } })
  }
  if (method === "turn/interrupt" && does("last-words")) {
    notify("warning", { threadId: null, message: "these are my last words" })
    await die(0)
  }
}

function handle(method: string, params: Json): Json {
  if (method === "initialize") return initialize(params)
  if (!initialized) throw new Refusal("Not initialized")
  const handler = handlers[method]
  if (!handler) {
    const list = ["initialize", ...Object.keys(handlers)].map((name) => `\`${name}\``).join(", ")
    throw new Refusal(
      does("mute")
        ? "Invalid request"
        : `Invalid request: unknown variant \`${method}\`, expected one of ${list}`,
    )
  }
  if (overloads > 0) {
    overloads--
    throw Object.assign(new Refusal("Server overloaded; retry later."), { code: -32001 })
  }
  return handler(params)
}

function initialize(params: Json): Json {
  if (initialized) throw new Refusal("Already initialized")
  const { experimentalApi } = (params.capabilities ?? {}) as Json
  if (experimentalApi && does("refuse-experimental")) throw new Refusal("experimentalApi is not available")
  initialized = true
  const { name, version } = params.clientInfo as Json
  const userAgent = `${name}/0.169.0 (Debian 12.0.0; x86_64) unknown (${name}; ${version})`
  return { userAgent, codexHome: home, platformFamily: "unix", platformOs: "linux" }
}

function crashesNow(): boolean {
  if (!does("crash-on-start")) return false
  const times = number("crash-on-start")
  if (times === 0) return true
  const counter = join(home, "fake-starts")
  appendFileSync(counter, "x")
  return readFileSync(counter, "utf8").length <= times
}

if (process.argv[2] !== "app-server") throw new Error("the fake knows only app-server")
if (crashesNow()) {
  process.stderr.write("the fake crashes on purpose\n")
  process.exit(7)
}
if (does("stderr-bytes"))
  process.stderr.write(`${"e".repeat(99)}\n`.repeat(Math.ceil(number("stderr-bytes") / 100)))
if (does("ignore-term")) process.on("SIGTERM", () => undefined)
if (does("grandchildren")) startGrandchildren()
load()
let rest = ""
const decoder = new TextDecoder()
for await (const chunk of Bun.stdin.stream()) {
  const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n")
  rest = parts.pop() ?? ""
  // Not awaited: a turn goes on while the next call is heard.
  for (const part of parts) if (part) hear(part)
}
if (does("ignore-term")) await new Promise(() => setInterval(() => undefined, 1 << 30))
await die(0)
