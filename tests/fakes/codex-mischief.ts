// How the fake codex misbehaves, chosen by FAKE_CODEX: names from the table, comma separated, with `=VALUE` where it says so.

import { spawn } from "node:child_process"
import { appendFileSync, existsSync, readFileSync } from "node:fs"
import { join } from "node:path"

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
  "kill-daemon-at": "=METHOD: once in CODEX_HOME, kills the daemon and ends instead of doing it",
  "kill-daemon-on": "=METHOD: once in CODEX_HOME, does it, kills the daemon and ends without an answer",
  "last-words": "on turn/interrupt: a notification and the end, in one breath",
  mute: "says nothing of methods: the unknown one is refused without a list",
  overloaded: "=N: the first N calls after initialize get -32001",
  rate: "=N: the flood's deltas come at N a second",
  "odd-request": "a turn asks something that nobody knows, and says what it was answered",
  "per-write": "=N: the flood's deltas leave N at a time; 200 without it",
  "refuse-experimental": "initialize with experimentalApi is -32600",
  "silent-on": "=METHOD: never answers it",
  stamp: "the flood's deltas carry the time of their writing: `NUMBER @EPOCH_MS …`",
  "split-utf8": "every write is cut inside a character",
  "stderr-bytes": "=N: writes so much to stderr before it starts",
} as const
type Mischief = keyof typeof MISCHIEF

export const chosen = new Map<string, string>()
for (const part of (process.env.FAKE_CODEX ?? "").split(",").filter(Boolean)) {
  const [name = "", value = ""] = part.split("=")
  if (!(name in MISCHIEF)) throw new Error(`FAKE_CODEX: no mischief is named ${name}`)
  chosen.set(name, value)
}
export const does = (name: Mischief) => chosen.has(name)
export const number = (name: Mischief) => Number(chosen.get(name) ?? 0)

export const home = process.env.CODEX_HOME ?? "/nowhere"

export function crashesNow(): boolean {
  if (!does("crash-on-start")) return false
  const times = number("crash-on-start")
  if (times === 0) return true
  const counter = join(home, "fake-starts")
  appendFileSync(counter, "x")
  return readFileSync(counter, "utf8").length <= times
}

/** The daemon and this process end here, the first time. */
export function killsDaemonOnce(name: "kill-daemon-at" | "kill-daemon-on", method: string): void {
  const once = join(home, `fake-${name}`)
  if (chosen.get(name) !== method || existsSync(once)) return
  appendFileSync(once, "x")
  process.kill(process.ppid, "SIGKILL")
  process.kill(process.pid, "SIGKILL")
}

/** Each writes its kind and pid to CODEX_HOME/survivors, then stays. They hold none of our pipes. */
export function startGrandchildren() {
  const stay = join(import.meta.dirname, "stay")
  const list = `'${join(home, "survivors")}'`
  const scripts = [
    `${stay} plain ${list}`,
    // As stdio MCP servers are: a group of its own and nothing in its environment.
    `set -m; env -i ${stay} deaf-cleared ${list} &`,
    `setsid ${stay} setsid ${list} &`,
    `(setsid /bin/sh -c "${stay} forked ${list} &" &)`,
    `${stay} deaf ${list}`,
  ]
  for (const script of scripts) spawn("/bin/bash", ["-c", script], { stdio: "ignore" })
}
