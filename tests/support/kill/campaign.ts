// Kills the daemon or its child with -9 in the middle of a workload, again and again on one data folder, and looks each
// time whether everything is as it was acknowledged. The moment is counted in frames and answers, not in time.

import { join } from "node:path"
import { COMMANDS, codexBin, type Daemon, openPlace, within } from "../daemon.ts"
import { integrityOf, replaysOf, type Scene, textsOf, truthOf } from "./checks.ts"
import { createLedger } from "./ledger.ts"
import { createRandom } from "./random.ts"
import { processes, survivorsOf } from "./survivors.ts"
import { createTape, type Taped } from "./tape.ts"
import { createWorkload } from "./workload.ts"

export interface CampaignSpec {
  daemonKills: number
  childKills: number
  seed: number
  /** Told after every kill. */
  report?(line: string): void
}

export interface CampaignEnd {
  violations: string[]
  /** Warnings and errors of the daemon that are no kill's own, with how often they came. */
  logged: Record<string, number>
  summary: Record<string, number>
}

interface Run {
  id: string
  pid: number
}

function kill9(pid: number): void {
  try {
    process.kill(pid, "SIGKILL")
  } catch {
    // It has ended already.
  }
}

interface Health {
  runtime: { state: string; startedAt: string }
}

/** Frames and acknowledgements before a kill. */
const MOMENT = { least: 1, most: 400 }
const FEW_MS = 25
/** Kills of the child in one life of the daemon. */
const MOST_IN_LIFE = 4

export async function runCampaign({
  daemonKills,
  childKills,
  seed,
  report,
}: CampaignSpec): Promise<CampaignEnd> {
  const startedAt = performance.now()
  const random = createRandom(seed)
  const tape = createTape()
  const ledger = createLedger()
  const violations: string[] = []
  const logged: Record<string, number> = {}
  const mark = `86400.${seed}7`
  await using place = openPlace("kill")
  const counter = join(place.work, "counter")
  const spec = { command: COMMANDS.bun, codexBin: codexBin("0.169.0") }
  const runs: Run[] = []
  let early = 0
  let inLife = 0
  let leftRunning = 0
  const found = (kill: number, list: string[]) => {
    for (const one of list) violations.push(`kill ${kill}: ${one}`)
  }

  let daemon = await place.start(spec)
  await tape.follow(daemon.url)
  let run = await ready(0)

  /** The next run that became ready and is the one that runs: an early kill leaves others behind. */
  async function ready(from: number): Promise<Run> {
    for (;;) {
      const over = new Set(runs.map(({ id }) => id))
      const isReady = ({ type, payload }: Taped) =>
        type === "runtime_updated" && payload.name === "ready" && !over.has(String(payload.runId))
      const { payload } = await tape.until(isReady, "the runtime is ready", from)
      const next = { id: String(payload.runId), pid: Number(payload.pid) }
      const { runtime } = (await (await fetch(`${daemon.url}/api/health`)).json()) as Health
      if (runtime.state === "ready" && Date.parse(runtime.startedAt) === payload.startedAt) return next
      runs.push(next)
    }
  }

  /** A frame that follows from a call of ours: all frames before it are on the tape when it is. */
  async function barrier(): Promise<number> {
    const from = tape.frames.length
    const answer = await fetch(`${daemon.url}/api/sessions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ cwd: place.work }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`no session for the barrier: ${answer.status} ${text}`)
    const { session } = JSON.parse(text) as { session: { sessionId: string } }
    const made = await tape.until(
      (f) => f.type === "session_created" && f.threadId === session.sessionId,
      "the barrier",
      from,
    )
    return made.seq
  }

  /** An orderly end and start: the supervisor gives up for a while on a child that dies five times in a minute. */
  async function startAnew(): Promise<void> {
    const from = tape.frames.length
    runs.push(run)
    await daemon.end("SIGTERM")
    note(daemon)
    tape.stop()
    daemon = await place.start(spec)
    await tape.follow(daemon.url)
    run = await ready(from)
    inLife = 0
  }

  /** A start that is killed while it puts the past right and reaps. */
  async function killEarly(): Promise<void> {
    const one = await place.start(spec)
    await Bun.sleep(random.whole(0, 300))
    await one.end("SIGKILL")
    note(one)
    early++
  }

  async function look(kill: number, since: number): Promise<void> {
    const scene: Scene = { url: daemon.url, dataDir: daemon.dataDir, tape, ledger, random, counter, since }
    const last = await barrier()
    found(kill, await truthOf(scene))
    found(kill, await textsOf(scene))
    found(kill, await replaysOf(scene, last))
    const threads = new Set(ledger.sessions.map(({ id }) => id))
    found(kill, survivorsOf({ mark, runs, living: run, threads, folder: place.path }))
    found(kill, tape.violations.splice(0))
  }

  const kinds = shuffled([
    ...Array<string>(daemonKills).fill("daemon"),
    ...Array<string>(childKills).fill("child"),
  ])
  function shuffled(all: string[]): string[] {
    return all
      .map((one) => ({ one, at: random.whole(0, 1e9) }))
      .sort((a, b) => a.at - b.at)
      .map(({ one }) => one)
  }

  for (const [index, kind] of kinds.entries()) {
    const kill = index + 1
    if (kind === "child" && inLife === MOST_IN_LIFE) await startAnew()
    inLife = kind === "child" ? inLife + 1 : 0
    const life = tape.nextLife()
    const from = tape.frames.length
    const stop = new AbortController()
    const load = createWorkload({
      url: daemon.url,
      tape,
      ledger,
      random,
      work: place.work,
      counter,
      mark,
      stop: stop.signal,
    })
    const moment = random.often(0.2) ? random.whole(MOMENT.least, 20) : random.whole(20, MOMENT.most)
    const reached = load.after(moment)
    const over = load.run()
    await Promise.race([reached, over, Bun.sleep(15_000)])
    await Bun.sleep(random.whole(0, FEW_MS))
    leftRunning += processes().filter(({ command }) => command.includes(mark)).length
    process.kill(kind === "daemon" ? daemon.pid : run.pid, "SIGKILL")
    // Without its daemon the child ends by itself and takes some of its commands along; killed as well it can't.
    if (kind === "daemon" && random.often(0.4)) kill9(run.pid)
    stop.abort()
    runs.push(run)
    if (kind === "daemon") {
      await daemon.end("SIGKILL")
      await within(over, () => "the workload stops")
      note(daemon)
      tape.stop()
      found(kill, integrityOf(daemon.dataDir, join(place.path, "copy")))
      if (random.often(0.2)) await killEarly()
      daemon = await place.start(spec)
      await tape.follow(daemon.url)
    } else await within(over, () => "the workload stops")
    run = await ready(from)
    const before = violations.length
    await look(kill, life)
    const bad = violations.slice(before)
    report?.(
      `${kill}/${kinds.length} ${kind} after ${moment}: ${tape.frames.length - from} frames, ${bad.length} violations`,
    )
    for (const one of bad) report?.(`  ${one.slice(0, 1500)}`)
  }
  // Once more over everything.
  const last = tape.frames.at(-1)?.seq ?? 0
  const whole: Scene = { url: daemon.url, dataDir: daemon.dataDir, tape, ledger, random, counter, since: 0 }
  const before = violations.length
  found(0, [...(await truthOf(whole)), ...(await textsOf(whole))])
  violations.splice(
    before,
    violations.length,
    ...violations.slice(before).filter((one) => !seenBefore(one, before)),
  )
  function seenBefore(one: string, until: number): boolean {
    return violations
      .slice(0, until)
      .some((known) => known.slice(known.indexOf(": ")) === one.slice(one.indexOf(": ")))
  }
  tape.stop()
  await daemon.end("SIGTERM")
  note(daemon)
  found(0, integrityOf(daemon.dataDir, join(place.path, "copy")))

  function note({ said }: Daemon): void {
    for (const line of said().split("\n")) {
      if (!/"level":"(warn|error)"/.test(line)) continue
      const { level, message, error, method } = JSON.parse(line)
      const key = `${level}: ${message}${method ? ` ${method}` : ""}${error ? ` (${JSON.stringify(error).slice(0, 200)})` : ""}`
      logged[key] = (logged[key] ?? 0) + 1
    }
  }

  return {
    violations,
    logged,
    summary: {
      daemonKills,
      childKills,
      seed,
      earlyKills: early,
      violations: violations.length,
      leftRunning,
      frames: tape.frames.length,
      lastSeq: last,
      acknowledged: ledger.acknowledged,
      sessions: ledger.sessions.length,
      messages: ledger.messages.filter((one) => one.turnId !== undefined).length,
      decisions: ledger.answers.filter((one) => one.acknowledged).length,
      interrupts: ledger.interrupts,
      seconds: Math.round((performance.now() - startedAt) / 1000),
    },
  }
}
