// The process itself, for programs that are a child of the daemon and threads of such a child: their pipes, their memory
// and their end. And how the daemon's own program is started once more.

import { existsSync, readFileSync } from "node:fs"
import { threadsModule, utilModule } from "./slow-modules.ts"

/** True in a thread that was started with the daemon's own program. */
export const isThread = (): boolean => !(typeof Bun === "undefined" ? threadsModule() : Bun).isMainThread

export interface Self {
  /** Lines of stdin; `over` once it has ended. */
  hear(line: (text: string) => void, over: () => void): void
  say(text: string): void
  residentBytes(): number
  /** Ends this process and everything that it started, at once. Never returns. */
  die(): never
}

export function ownProcess(): Self {
  return {
    hear(line, over) {
      let rest = ""
      process.stdin.setEncoding("utf8")
      process.stdin.on("data", (text: string) => {
        const lines = (rest + text).split("\n")
        rest = lines.pop() ?? ""
        for (const one of lines) line(one)
      })
      process.stdin.on("end", over)
      process.stdin.on("error", over)
      process.stdout.on("error", over)
    },
    say: (text) => void process.stdout.write(text),
    residentBytes,
    die() {
      // The group is ours (setsid): commands that an extension runs go too.
      process.kill(-process.pid, "SIGKILL")
      process.kill(process.pid, "SIGKILL")
      throw new Error("killed")
    },
  }
}

/** In pages on Linux: `process.memoryUsage()` walks the heap on some runtimes. */
function residentBytes(): number {
  if (process.platform !== "linux") return process.memoryUsage.rss()
  return Number(readFileSync("/proc/self/statm", "utf8").split(" ")[1]) * 4096
}

/** What a thread says to and hears from the one that started it. */
export interface Upward {
  post(message: unknown): void
  onMessage(hear: (message: unknown) => void): void
  /** A promise that nobody caught. The thread goes on. */
  onUnhandled(hear: (error: unknown) => void): void
}

export function ownThread(): Upward {
  const port = threadsModule().parentPort
  if (!port) throw new Error("this is no thread")
  return {
    post: (message) => port.postMessage(message),
    onMessage: (hear) => void port.on("message", hear),
    onUnhandled: (hear) => void process.on("unhandledRejection", hear),
  }
}

/** What an extension prints goes to `hear`, not into the pipe of the process. */
export function takePrinting(hear: (level: "info" | "error", text: string) => void): void {
  const taking = (level: "info" | "error") => (chunk: unknown) => {
    hear(level, typeof chunk === "string" ? chunk : String(chunk))
    return true
  }
  process.stdout.write = taking("info") as typeof process.stdout.write
  process.stderr.write = taking("error") as typeof process.stderr.write
  // On Bun a thread's console has a way of its own.
  const lines =
    (level: "info" | "error") =>
    (...parts: unknown[]) =>
      hear(level, utilModule().format(...parts))
  const [info, error] = [lines("info"), lines("error")]
  Object.assign(globalThis.console, { log: info, info, debug: info, trace: info, warn: error, error })
}

export interface Reentry {
  runtime: "bun" | "node"
  /** Undefined where that runtime is not there. */
  command?: string[]
  why?: string
}

/** Both runtimes, as far as they are there: from source the packages bring them along. */
export function reentries(programDir: string): Reentry[] {
  const own = { runtime: process.versions.bun ? "bun" : "node", command: reentry(programDir) } as const
  const other = own.runtime === "bun" ? "node" : "bun"
  if (!programDir.endsWith("/src")) {
    return [own, { runtime: other, why: "a compiled codexd brings one runtime along; check from a checkout" }]
  }
  const root = programDir.slice(0, -"/src".length)
  const program = `${root}/node_modules/.bin/${other}`
  if (!existsSync(program)) return [own, { runtime: other, why: `there is no ${program}` }]
  const command =
    other === "node"
      ? [program, "--disable-warning=ExperimentalWarning", `${programDir}/main.node.ts`]
      : [program, "--no-env-file", `--config=${root}/bunfig.toml`, `${programDir}/main.ts`]
  return [own, { runtime: other, command }]
}

/** The command that starts the daemon's program again, in the runtime and the form in which it runs (decisions 35). */
export function reentry(programDir: string): string[] {
  if (import.meta.dirname.startsWith("/$bunfs")) return [process.execPath]
  if (process.versions.bun === undefined) {
    return [process.execPath, "--disable-warning=ExperimentalWarning", `${programDir}/main.node.ts`]
  }
  const config = `--config=${programDir.replace(/\/src$/, "")}/bunfig.toml`
  return [process.execPath, "--no-env-file", config, `${programDir}/main.ts`]
}
