// The daemon under test over all its lives: started, listened to, ended, killed; and which run of the child lives.

import { COMMANDS, codexBin, type Daemon, type Place } from "../daemon.ts"
import type { Tape, Taped } from "./tape.ts"

export interface Run {
  id: string
  pid: number
}
interface Health {
  runtime: { state: string; startedAt: string }
}

const SPEC = { command: COMMANDS.bun, codexBin: codexBin("0.169.0") }

export type Stand = Awaited<ReturnType<typeof openStand>>

/** Starts the daemon; the tape listens to it. */
export async function openStand({ place, tape }: { place: Place; tape: Tape }) {
  const over: Run[] = []
  const logged: Record<string, number> = {}
  let daemon = await place.start(SPEC)
  await tape.follow(daemon.url)
  let run = await ready(0)

  /** The next run that became ready and is the one that runs: an early kill leaves others behind. */
  async function ready(from: number): Promise<Run> {
    for (;;) {
      const past = new Set(over.map(({ id }) => id))
      const isReady = ({ type, payload }: Taped) =>
        type === "runtime_updated" && payload.name === "ready" && !past.has(String(payload.runId))
      const { payload } = await tape.until(isReady, "the runtime is ready", from)
      const next = { id: String(payload.runId), pid: Number(payload.pid) }
      const { runtime } = (await (await fetch(`${daemon.url}/api/health`)).json()) as Health
      if (runtime.state === "ready" && Date.parse(runtime.startedAt) === payload.startedAt) return next
      over.push(next)
    }
  }

  /** Counts what the daemon logged as a warning or an error. */
  function note({ said }: Daemon): void {
    for (const line of said().split("\n")) {
      if (!/"level":"(warn|error)"/.test(line)) continue
      const { level, message, error, method } = JSON.parse(line)
      const about = `${method ? ` ${method}` : ""}${error ? ` (${JSON.stringify(error).slice(0, 200)})` : ""}`
      const key = `${level}: ${message}${about}`
      logged[key] = (logged[key] ?? 0) + 1
    }
  }

  const post = (path: string, body: unknown) =>
    fetch(`${daemon.url}/api${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    })

  async function openSession(): Promise<string> {
    const answer = await post("/sessions", { cwd: place.work })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`no session could be opened: ${answer.status} ${text}`)
    return (JSON.parse(text) as { session: { sessionId: string } }).session.sessionId
  }

  async function end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    await daemon.end(signal)
    note(daemon)
    tape.stop()
  }

  async function start(): Promise<void> {
    daemon = await place.start(SPEC)
    await tape.follow(daemon.url)
  }

  return {
    logged,
    over,
    get url() {
      return daemon.url
    },
    get run() {
      return run
    },
    get pid() {
      return daemon.pid
    },
    end,
    start,
    /** A start that is killed while it puts the past right and reaps. */
    async killEarly(afterMs: number): Promise<void> {
      const one = await place.start(SPEC)
      await Bun.sleep(afterMs)
      await one.end("SIGKILL")
      note(one)
    },
    /** The run that lived is over; waits for the next, told after frame `from`. */
    async nextRun(from: number): Promise<void> {
      over.push(run)
      run = await ready(from)
    },
    /** An orderly end and start: the supervisor gives up for a while on a child that dies five times in a minute. */
    async startAnew(): Promise<void> {
      const from = tape.frames.length
      over.push(run)
      await end("SIGTERM")
      await start()
      run = await ready(from)
    },
    /** A next message to each of these sessions: it must be taken, and its turn must complete. */
    async revive(sessions: string[]): Promise<string[]> {
      const found: string[] = []
      for (const session of sessions) {
        const from = tape.frames.length
        const answer = await post(`/sessions/${session}/messages`, { text: "echo: still here" })
        const text = await answer.text()
        if (answer.status !== 202) {
          found.push(`the session ${session} takes no more messages: ${answer.status} ${text}`)
          continue
        }
        const { turnId } = JSON.parse(text) as { turnId: string }
        const ended = await tape.until(
          (f) => endOf(f, turnId) !== undefined,
          `the end of turn ${turnId}`,
          from,
        )
        if (endOf(ended, turnId) !== "completed") found.push(`the session does not go on: ${ended.text}`)
      }
      return found
    },
    open: openSession,
    /** The seq of a frame that follows from a call of ours: all frames before it are on the tape by then. */
    async barrier(): Promise<number> {
      const from = tape.frames.length
      const session = await openSession()
      const made = (f: Taped) => f.type === "session_created" && f.threadId === session
      return (await tape.until(made, `the creation of ${session}`, from)).seq
    },
  }
}

/** How the frame says that this turn ended, if it does. */
function endOf({ type, payload }: Taped, turnId: string): string | undefined {
  if (type !== "notification" || payload.method !== "turn/completed") return undefined
  const { turn } = payload.params as { turn: { id: string; status: string } }
  return turn.id === turnId ? turn.status : undefined
}
