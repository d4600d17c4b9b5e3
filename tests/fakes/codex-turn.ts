// A turn of the fake codex: it echoes its text word by word; `run: COMMAND` asks for approval and really runs it, in a
// session of its own and with CODEX_THREAD_ID, as the real one does; `hang:` waits for an interrupt; `ask METHOD {JSON}`, a
// line each, asks that of the client and says what it was answered; `asks: N MS` asks N times and stamps, for benches.

import { spawn } from "node:child_process"
import { does, number } from "./codex-mischief.ts"
import { ask, die, line, notify, say, settle } from "./codex-pipe.ts"
import {
  agentItem,
  commandItem,
  type Json,
  type Thread,
  type Turn,
  turnJson,
  userItem,
} from "./codex-shapes.ts"

interface Play {
  thread: Thread
  turn: Turn
  text: string
  clientId: unknown
  interrupted: Promise<void>
  /** Before its end is told. */
  onEnd(): void
}
type Item = Json & { id: string }

export async function play({ thread, turn, text, clientId, interrupted, onEnd }: Play) {
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
  if (does("odd-request")) said = JSON.stringify(await ask("odd/request", { ...ids, riddle: 7 }).answered)
  if (text.startsWith("hang:")) await interrupted
  else if (text.startsWith("ask ")) said = await askAll({ text, ids, interrupted })
  else if (text.startsWith("asks: ")) said = await askOften(text, ids)
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
  onEnd()
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
  const perWrite = does("rate") ? 1 : number("per-write") || 200
  const stamp = () => (does("stamp") ? `@${performance.timeOrigin + performance.now()} ` : "")
  const startedAt = performance.now()
  for (let sent = 0; sent < number("flood"); ) {
    let batch = ""
    for (let i = 0; i < perWrite && sent < number("flood"); i++)
      batch += delta(`${sent++} ${stamp()}${filler}`)
    await say(batch)
    const due = does("rate") ? startedAt + (sent * 1000) / number("rate") - performance.now() : 0
    if (due > 1) await new Promise((resolve) => setTimeout(resolve, due))
  }
  return text
}

interface Asking {
  text: string
  ids: { threadId: string; turnId: string }
  interrupted: Promise<void>
}
/** One after the other; `bare` params are sent without thread and turn. The answers as JSON, a line each. */
async function askAll({ text, ids, interrupted }: Asking): Promise<string> {
  const answers: string[] = []
  for (const asked of text.split("\n")) {
    const [, method = "", json = "{}"] = /^ask (\S+)(?: (.*))?$/.exec(asked) ?? []
    const { bare, ...params } = JSON.parse(json)
    const { id, answered } = ask(
      method,
      bare ? params : { ...ids, itemId: `item-${answers.length}`, ...params },
    )
    const answer = await Promise.race([answered, interrupted.then(() => ({ interrupted: true }))])
    settle(id, {})
    await notify("serverRequest/resolved", { threadId: ids.threadId, requestId: id })
    answers.push(JSON.stringify(answer))
  }
  return answers.join("\n")
}

/** Command approvals; each says when it was written and when the answer before it had come, in epoch milliseconds. `asks: TIMES PAUSE_MS`. */
async function askOften(text: string, ids: Json): Promise<string> {
  const [, times = 0, pauseMs = 0] = text.split(" ").map(Number)
  const now = () => performance.timeOrigin + performance.now()
  let reason = "first"
  for (let i = 0; i <= times; i++) {
    const params = {
      ...ids,
      itemId: `call-${i}`,
      command: `make ${i}`,
      cwd: "/w",
      reason,
      startedAtMs: now(),
    }
    const { id, answered } = ask("item/commandExecution/requestApproval", params)
    await answered
    reason = String(now())
    await notify("serverRequest/resolved", { threadId: ids.threadId, requestId: id })
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  return "asked"
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
    const { id: requestId, answered } = ask("item/commandExecution/requestApproval", {
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
    settle(requestId, {})
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
