// The machine's processes as reaping needs them: who lives, in whose session, since when, with what environment. Read
// from /proc; where there is none (macOS) from `ps`, which knows no sessions: the process group stands for it there.

import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"

export interface ProcessRow {
  pid: number
  parent: number
  group: number
  session: number
  /** When it started, in the kernel's own count; only compared with others of the same boot. */
  startTicks: number
  /** The program's short name. */
  name: string
}

export interface Processes {
  /** Our own pid. */
  readonly self: number
  /** Names this boot of the machine: pids and ticks mean nothing in another. */
  bootId(): string
  /** All that live; zombies don't. */
  list(): ProcessRow[]
  find(pid: number): ProcessRow | undefined
  /** `undefined` when it is gone or isn't ours to read. */
  environ(pid: number): Record<string, string> | undefined
  /** False once this very process is gone, also when its pid is another's. */
  isAlive(row: ProcessRow): boolean
  /** Signals this very process; false when it is gone or not ours. */
  signal(row: ProcessRow, name: "SIGTERM" | "SIGKILL"): boolean
}

export const createProcesses = (): Processes => (existsSync("/proc/self/stat") ? onProc() : onPs())

function onProc(): Processes {
  const find = (pid: number): ProcessRow | undefined => {
    const stat = read(`/proc/${pid}/stat`)
    return stat === undefined ? undefined : parseStat(stat)
  }
  return sameProcess({
    self: process.pid,
    bootId: () => read("/proc/sys/kernel/random/boot_id")?.trim() ?? "unknown",
    list: () =>
      readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name))
        .flatMap((name) => find(Number(name)) ?? []),
    find,
    environ: (pid) => {
      const text = read(`/proc/${pid}/environ`)
      return text === undefined ? undefined : parseEnviron(text.split("\0"))
    },
  })
}

function onPs(): Processes {
  const rows = (pids: string[]): ProcessRow[] =>
    ps([...pids, "-o", "pid=,ppid=,pgid=,state=,lstart=,comm="]).flatMap((line) => parsePs(line) ?? [])
  return sameProcess({
    self: process.pid,
    bootId: () => bootTime(),
    list: () => rows(["-ax"]),
    find: (pid) => rows(["-p", String(pid)])[0],
    // `ps -E` puts the environment after the arguments; words with a name and `=` are taken for it.
    environ: (pid) => {
      const line = ps(["-E", "-ww", "-p", String(pid), "-o", "command="])[0]
      return line === undefined ? undefined : parseEnviron(line.split(" "))
    },
  })
}

function sameProcess(view: Omit<Processes, "isAlive" | "signal">): Processes {
  const isAlive = (row: ProcessRow) => view.find(row.pid)?.startTicks === row.startTicks
  return {
    ...view,
    isAlive,
    signal(row, name) {
      if (row.pid <= 1 || row.pid === view.self || !isAlive(row)) return false
      try {
        process.kill(row.pid, name)
        return true
      } catch {
        return false
      }
    },
  }
}

/** One line of /proc/PID/stat; the name stands in brackets and may hold brackets and spaces. `undefined` for a zombie. */
export function parseStat(stat: string): ProcessRow | undefined {
  const open = stat.indexOf("(")
  const close = stat.lastIndexOf(")")
  const fields = stat.slice(close + 2).split(" ")
  const [state, parent, group, session] = fields
  if (open < 0 || close < 0 || state === undefined || "ZXx".includes(state)) return undefined
  return {
    pid: Number(stat.slice(0, open)),
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    startTicks: Number(fields[19]),
    name: stat.slice(open + 1, close),
  }
}

/** One line of `ps -o pid=,ppid=,pgid=,state=,lstart=,comm=`. `undefined` for a zombie and for what is no such line. */
export function parsePs(line: string): ProcessRow | undefined {
  const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\w+\s+\w+\s+\d+\s+[\d:]+\s+\d+)\s+(.*)$/.exec(line)
  if (!match) return undefined
  const [, pid, parent, group, state = "", started = "", command = ""] = match
  if (state.startsWith("Z")) return undefined
  return {
    pid: Number(pid),
    parent: Number(parent),
    group: Number(group),
    session: Number(group),
    startTicks: Math.floor(Date.parse(started) / 1000),
    name: command.slice(command.lastIndexOf("/") + 1).trim(),
  }
}

/** `NAME=value` entries; what has no name is left out. */
function parseEnviron(entries: string[]): Record<string, string> {
  const environ: Record<string, string> = {}
  for (const entry of entries) {
    const at = entry.indexOf("=")
    if (at > 0) environ[entry.slice(0, at)] = entry.slice(at + 1)
  }
  return environ
}

function bootTime(): string {
  try {
    const text = execFileSync("sysctl", ["-n", "kern.boottime"], { encoding: "utf8" })
    return /sec = (\d+)/.exec(text)?.[1] ?? "unknown"
  } catch {
    return "unknown"
  }
}

/** Lines of `ps`; none when it has nothing to say (it exits 1 for a pid that is gone). */
function ps(args: string[]): string[] {
  try {
    const text = execFileSync("ps", args, {
      encoding: "utf8",
      env: { PATH: "/usr/bin:/bin", LC_ALL: "C" },
      stdio: ["ignore", "pipe", "ignore"],
      maxBuffer: 64 * 1024 * 1024,
    })
    return text.split("\n").filter(Boolean)
  } catch {
    return []
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}
