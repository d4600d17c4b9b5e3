// A fake `codex app-server`, for the ways of dying that the real one won't show on demand (codex-mischief.ts). Without any
// it behaves: threads with scripted turns (codex-turn.ts), in the shapes of the recorded 0.169.0, kept in CODEX_HOME.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import {
  chosen,
  crashesNow,
  does,
  home,
  killsDaemonOnce,
  number,
  startGrandchildren,
} from "./codex-mischief.ts"
import { answer, die, notify, settle } from "./codex-pipe.ts"
import {
  type Json,
  newThread,
  newTurn,
  openedJson,
  type Thread,
  type Turn,
  threadJson,
  turnJson,
} from "./codex-shapes.ts"
import { play } from "./codex-turn.ts"

const folder = join(home, "fake-threads")
const threads = new Map<string, Thread>()
const loaded = new Set<string>()
const archived = new Set<string>()
const running = new Map<string, { turn: Turn; interrupt: () => void; interrupted: Promise<void> }>()
let initialized = false
let overloads = number("overloaded")

class Refusal extends Error {
  code = -32600
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
  "thread/revert": (params) => {
    const thread = threadOf(params, "loaded")
    const at = thread.turns.findIndex((turn) => turn.id === params.beforeTurnId)
    if (at < 0) throw new Refusal(`turn not found: ${params.beforeTurnId}`)
    thread.turns.splice(at)
    keep(thread)
    return { thread: threadJson(thread, statusOf(thread)) }
  },
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
    const onEnd = () => {
      running.delete(thread.id)
      keep(thread)
    }
    const begun = { turn: turnJson(turn, "notLoaded") }
    queueMicrotask(() =>
      play({ thread, turn, text, clientId: params.clientUserMessageId, interrupted: promise, onEnd }),
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

async function hear(text: string) {
  const message: Json = JSON.parse(text)
  const { id, method } = message
  if (typeof method !== "string") {
    settle(id, (message.result ?? message.error ?? {}) as Json)
    return
  }
  if (id === undefined) return
  if (chosen.get("exit-on") === method) await die(3)
  if (chosen.get("silent-on") === method || (method === "initialize" && does("hang-initialize"))) return
  try {
    killsDaemonOnce("kill-daemon-at", method)
    const result = handle(method, (message.params ?? {}) as Json)
    killsDaemonOnce("kill-daemon-on", method)
    await answer(id, { result })
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

if (process.argv[2] !== "app-server") throw new Error("the fake knows only app-server")
if (crashesNow()) {
  process.stderr.write("the fake crashes on purpose\n")
  process.exit(7)
}
if (does("stderr-bytes")) {
  const errors = Bun.stderr.writer()
  errors.write(`${"e".repeat(99)}\n`.repeat(Math.ceil(number("stderr-bytes") / 100)))
  await errors.flush()
}
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
