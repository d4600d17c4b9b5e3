// Who of the dead is still there, looked for without the daemon's own code: by our mark in the command line, by the
// environment, and by the session of a child that is gone.

import { readdirSync, readFileSync } from "node:fs"

export interface Seen {
  pid: number
  session: number
  command: string
  environ: string[]
}

/** All processes that can be read; zombies can't. */
export function processes(): Seen[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return []
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8")
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
      if (fields[0] === "Z" || fields[0] === "X") return []
      const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim()
      const environ = readFileSync(`/proc/${name}/environ`, "utf8").split("\0")
      return [{ pid: Number(name), session: Number(fields[3]), command, environ }]
    } catch {
      // It ended meanwhile, or is another user's.
      return []
    }
  })
}

export interface Dead {
  /** In every command that the workload leaves running. */
  mark: string
  /** Ids of runs that are over, and the pids that led their sessions. */
  runs: { id: string; pid: number }[]
  /** The run that lives. */
  living: { id: string; pid: number }
  threads: ReadonlySet<string>
  /** Every process of this campaign names this folder somewhere. */
  folder: string
}

/** What should not live, as text with its evidence. */
export function survivorsOf({ mark, runs, living, threads, folder }: Dead): string[] {
  const sessions = new Set(runs.map(({ pid }) => pid))
  return processes().flatMap(({ pid, session, command, environ }) => {
    const run = environ.find((one) => one.startsWith("CODEXD_RUN="))
    const thread = environ.find((one) => one.startsWith("CODEX_THREAD_ID="))?.slice(16)
    const why = [
      command.includes(mark) && "runs a command of the workload",
      run !== undefined &&
        !run.endsWith(`.${living.id}`) &&
        environ.some((one) => one.includes(folder)) &&
        `has ${run}`,
      thread !== undefined &&
        threads.has(thread) &&
        session !== living.pid &&
        !run &&
        `has the thread ${thread}`,
      sessions.has(session) &&
        session !== living.pid &&
        environ.some((one) => one.includes(folder)) &&
        "is in the session of a dead run",
    ].filter((one) => one !== false)
    return why.length ? [`process ${pid} (${command.slice(0, 200)}): ${why.join(", ")}`] : []
  })
}
