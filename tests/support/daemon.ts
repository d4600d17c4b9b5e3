// A real codexd process with a data folder of its own under the user's cache, driven from outside: started from source on
// Bun or Node 24, or as any command; stopped or killed; and when it is disposed of nothing of it may be left. Runs on both.

import { strict as assert } from "node:assert"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..")
const bin = (name: string) => join(ROOT, "node_modules/.bin", name)

/** What stands before the arguments of codexd. */
export const COMMANDS = {
  bun: [bin("bun"), "--no-env-file", `--config=${join(ROOT, "bunfig.toml")}`, join(ROOT, "src/main.ts")],
  node: [bin("node"), "--disable-warning=ExperimentalWarning", join(ROOT, "src/main.node.ts")],
} as const satisfies Record<string, string[]>

export const VERSIONS = ["0.105.0", "0.130.0", "0.150.1", "0.169.0"] as const
export type CodexVersion = (typeof VERSIONS)[number]

/** The program of that version, as `scripts/fetch-codex.mjs` leaves it. */
export function codexBin(version: CodexVersion): string {
  const modules =
    version === "0.169.0"
      ? join(ROOT, "node_modules")
      : join(homedir(), ".cache/codexd-codex", version, "node_modules")
  return join(modules, ".bin/codex")
}
export const FAKE_CODEX = join(ROOT, "tests/fakes/codex")

/** Failure net of everything that waits for a process. */
const NET_MS = 60_000

export interface DaemonSpec {
  command: readonly string[]
  codexBin: string
  env?: Record<string, string>
  /** False: the configured CODEX_HOME is used as it is. */
  offline?: boolean
  /** Beside `serve --port 0`. */
  args?: string[]
}

/** A folder for one daemon's whole life, restarts included. */
export interface Place extends AsyncDisposable {
  path: string
  dataDir: string
  /** A working directory for sessions. */
  work: string
  start(spec: DaemonSpec): Promise<Daemon>
  /** Processes whose environment or command line names this folder. */
  survivors(): string[]
}

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface Daemon {
  url: string
  port: number
  pid: number
  dataDir: string
  work: string
  /** Everything written to stderr so far. */
  said(): string
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<Exit>
}

/** Disposing kills what was started in it, looks for survivors, and removes the folder. */
export function openPlace(name: string): Place {
  const shelf = join(homedir(), ".cache/codexd-tests")
  mkdirSync(shelf, { recursive: true })
  const path = mkdtempSync(join(shelf, `${name}-`))
  const dataDir = join(path, "data")
  const work = join(path, "work")
  mkdirSync(work)
  mkdirSync(join(path, "home"))
  const running = new Set<Running>()
  const survivors = () => processesNaming(path)
  return {
    path,
    dataDir,
    work,
    survivors,
    async start(spec) {
      const one = launch(spec, { path, dataDir })
      running.add(one)
      one.exited.finally(() => running.delete(one))
      const url = await one.listening
      return {
        url,
        port: Number(new URL(url).port),
        pid: one.child.pid ?? 0,
        dataDir,
        work,
        said: one.said,
        end(signal) {
          one.child.kill(signal)
          return within(one.exited, () => `the daemon did not end on ${signal}: ${one.said()}`)
        },
      }
    },
    async [Symbol.asyncDispose]() {
      for (const one of running) one.child.kill("SIGTERM")
      try {
        await within(Promise.all([...running].map((one) => one.exited)), () => "a daemon did not end on TERM")
        assert.deepEqual(await gone(survivors), [], "processes outlived the daemon")
      } finally {
        for (const one of running) one.child.kill("SIGKILL")
        rmSync(path, { recursive: true, force: true, maxRetries: 5 })
      }
    },
  }
}

interface Running {
  child: ChildProcess
  said(): string
  exited: Promise<Exit>
  listening: Promise<string>
}

const LISTENING = /"message":"codexd is listening","url":"(http:[^"]+)"/

function launch(spec: DaemonSpec, { path, dataDir }: { path: string; dataDir: string }): Running {
  const [program = "", ...before] = spec.command
  const { PATH = "" } = process.env
  // A home without profiles: commands run in login shells, and a person's may hang on a lock that a kill left behind.
  const env = {
    PATH,
    HOME: join(path, "home"),
    DATA_DIR: dataDir,
    API_AUTH: "none",
    // Its workers are sessions with turns of their own: only suites about them have them.
    AGENT_EXTENSION_WITHOUT: "supervisor",
    CODEX_BIN: spec.codexBin,
    ...spec.env,
  }
  const offline = spec.offline === false ? [] : ["--offline"]
  const args = [...before, "serve", ...offline, "--port", "0", ...(spec.args ?? [])]
  const child = spawn(program, args, { cwd: path, env, stdio: ["ignore", "ignore", "pipe"] })
  let text = ""
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk
    const url = LISTENING.exec(text)?.[1]
    if (url) resolve(url)
  })
  const exited = new Promise<Exit>((end) => child.once("close", (code, signal) => end({ code, signal })))
  exited.then((exit) => reject(new Error(`the daemon ended (${JSON.stringify(exit)}): ${text}`)))
  const listening = within(promise, () => `the daemon does not listen: ${text}`)
  listening.catch(() => {})
  return { child, said: () => text, exited, listening }
}

/** Runs codexd to its end: for starts that must fail. */
export async function runDaemon(spec: DaemonSpec, place: Place): Promise<Exit & { said: string }> {
  const one = launch(spec, place)
  one.listening.then(() => one.child.kill("SIGKILL")).catch(() => {})
  const exit = await within(one.exited, () => `it goes on: ${one.said()}`)
  return { ...exit, said: one.said() }
}

/** The promise, or a failure once the net is reached. */
export function within<T>(promise: Promise<T>, what: () => string, ms = NET_MS): Promise<T> {
  let net: ReturnType<typeof setTimeout> | undefined
  const deadline = new Promise<never>((_, reject) => {
    net = setTimeout(() => reject(new Error(`deadline: ${what()}`)), ms)
  })
  return Promise.race([promise, deadline]).finally(() => clearTimeout(net))
}

/** True for a process that runs; what has ended and is not collected yet does not. */
export function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8") !== ""
  } catch {
    return false
  }
}

/**
 * Stops a process (SIGSTOP), and resolves when it does nothing more: one of its threads has to take the signal before the
 * others stop, and on a busy machine they go on until it has.
 */
export async function halt(pid: number): Promise<void> {
  process.kill(pid, "SIGSTOP")
  const until = performance.now() + NET_MS
  while (threadsOf(pid).some((state) => !"TtZX".includes(state))) {
    assert.ok(performance.now() < until, `process ${pid} does not stop`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** The state of each thread, as proc(5) calls it; X for one that ended meanwhile. */
const threadsOf = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/task`).map((id) => {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${id}/stat`, "utf8")
      return stat[stat.lastIndexOf(")") + 2] ?? "X"
    } catch {
      return "X"
    }
  })

function processesNaming(path: string): string[] {
  const found: string[] = []
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, "utf8")
      const environ = readFileSync(`/proc/${pid}/environ`, "utf8")
      if (line && `${line}\0${environ}`.includes(path)) found.push(`${pid}: ${line.replaceAll("\0", " ")}`)
    } catch {
      // It ended meanwhile, or is another user's.
    }
  }
  return found
}

/** What is killed leaves the list a moment later: looked at again until the list is empty or the net is reached. */
async function gone(list: () => string[]): Promise<string[]> {
  const until = performance.now() + 30_000
  for (let left = list(); ; left = list()) {
    if (left.length === 0 || performance.now() > until) return left
    await new Promise((resolve) => setImmediate(resolve))
  }
}
