// Kills the daemon or its child with -9 in the middle of a workload, again and again on one data folder, and looks each
// time whether everything is as it was acknowledged. The moment is counted in frames and answers, not in time.

import { join } from "node:path"
import { openPlace, within } from "../daemon.ts"
import { calm } from "./calm.ts"
import { integrityOf, replaysOf, type Scene, textsOf, truthOf } from "./checks.ts"
import { createLedger } from "./ledger.ts"
import { createRandom, type Random } from "./random.ts"
import { openStand, type Stand } from "./stand.ts"
import { processes, survivorsOf } from "./survivors.ts"
import { createTape } from "./tape.ts"
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
  /** Warnings and errors of the daemon, with how often they came. */
  logged: Record<string, number>
  /** Answers that were no acknowledgement, by status, code and path. */
  refused: Record<string, number>
  summary: Record<"violations" | "messages" | "decisions" | "leftRunning" | (string & {}), number>
}

/** Frames and acknowledgements before a kill. */
const MOMENT = { least: 1, soon: 20, most: 400 }
const FEW_MS = 25
/** A workload that stands still is killed all the same. */
const STILL_MS = 15_000
/** Kills of the child in one life of the daemon. */
const MOST_IN_LIFE = 4

export async function runCampaign(spec: CampaignSpec): Promise<CampaignEnd> {
  const { daemonKills, childKills, seed, report } = spec
  const startedAt = performance.now()
  const random = createRandom(seed)
  const tape = createTape()
  const ledger = createLedger()
  const violations: string[] = []
  const mark = `86400.${process.pid}${seed}7`
  await using place = openPlace("kill")
  const counter = join(place.work, "counter")
  const stand = await openStand({ place, tape })
  const count = { kills: 0, early: 0, leftRunning: 0 }
  let inLife = 0

  const found = (list: string[]) => violations.push(...list.map((one) => `kill ${count.kills}: ${one}`))
  const integrity = () => found(integrityOf(place.dataDir, join(place.path, "copy")))
  const sceneSince = (since: number): Scene => {
    return { url: stand.url, dataDir: place.dataDir, tape, ledger, random, counter, since }
  }

  async function look(life: number): Promise<void> {
    const scene = sceneSince(life)
    await calm(scene)
    const last = await stand.barrier()
    found([...(await truthOf(scene)), ...(await textsOf(scene)), ...(await replaysOf(scene, last))])
    const threads = new Set(ledger.sessions.map(({ id }) => id))
    found(survivorsOf({ mark, runs: stand.over, living: stand.run, threads, folder: place.path }))
    found(await stand.revive(latest(life)))
    found(tape.violations.splice(0))
  }

  /** Sessions whose last acknowledged message may have met the kill half-way. */
  function latest(life: number): string[] {
    const sent = ledger.messages.filter((one) => one.life === life && one.turnId !== undefined)
    return [...new Set(sent.slice(-3).map(({ session }) => session))]
  }

  /** One life: a workload, its violent end, and what is true after it. */
  async function live(kind: Kind): Promise<void> {
    if (kind === "child" && inLife === MOST_IN_LIFE) await stand.startAnew()
    inLife = kind === "child" ? (inLife % MOST_IN_LIFE) + 1 : 0
    const life = tape.nextLife()
    const from = tape.frames.length
    const stop = new AbortController()
    const about = { tape, ledger, random, work: place.work, counter, mark }
    const load = createWorkload({ ...about, url: stand.url, stop: stop.signal })
    const moment = momentOf(random)
    const reached = load.after(moment)
    const over = load.run()
    await Promise.race([reached, over, Bun.sleep(STILL_MS)])
    await Bun.sleep(random.whole(0, FEW_MS))
    count.leftRunning += processes().filter(({ command }) => command.includes(mark)).length
    strike(kind, stand, random)
    stop.abort()
    if (kind === "daemon") await stand.end("SIGKILL")
    await within(over, () => "the workload stops")
    if (kind === "daemon") {
      integrity()
      if (random.often(0.2)) await stand.killEarly(random.whole(0, 300)).then(() => count.early++)
      await stand.start()
    }
    await stand.nextRun(from)
    const before = violations.length
    await look(life)
    report?.(`${kind} after ${moment}: ${tape.frames.length - from} frames`)
    for (const one of violations.slice(before)) report?.(`  ${one.slice(0, 1500)}`)
  }

  try {
    for (const kind of orderOf({ daemonKills, childKills }, random)) {
      count.kills++
      await live(kind)
    }
    const whole = sceneSince(0)
    const again = [...(await truthOf(whole)), ...(await textsOf(whole))]
    found(again.filter((one) => !violations.some((known) => known.endsWith(one))))
    await stand.end("SIGTERM")
    integrity()
  } catch (error) {
    found([`it could not go on: ${error instanceof Error ? error.stack : error}`])
  }
  // Survivors are told by now; they shall not outlive the campaign.
  if (violations.length) for (const one of processes()) if (one.command.includes(mark)) kill9(one.pid)

  return {
    violations,
    logged: stand.logged,
    refused: Object.fromEntries(ledger.refused),
    summary: {
      ...{ daemonKills, childKills, earlyKills: count.early, seed, violations: violations.length },
      leftRunning: count.leftRunning,
      frames: tape.frames.length,
      lastSeq: tape.frames.at(-1)?.seq ?? 0,
      acknowledged: ledger.acknowledged,
      sessions: ledger.sessions.length,
      messages: ledger.messages.filter((one) => one.turnId !== undefined).length,
      decisions: ledger.answers.filter((one) => one.acknowledged).length,
      interrupts: ledger.interrupts,
      seconds: Math.round((performance.now() - startedAt) / 1000),
    },
  }
}

type Kind = "daemon" | "child"

function orderOf(
  { daemonKills, childKills }: { daemonKills: number; childKills: number },
  random: Random,
): Kind[] {
  const all = [...Array<Kind>(daemonKills).fill("daemon"), ...Array<Kind>(childKills).fill("child")]
  const drawn = all.map((kind) => ({ kind, at: random.whole(0, 1e9) }))
  return drawn.sort((a, b) => a.at - b.at).map(({ kind }) => kind)
}

const momentOf = (random: Random): number =>
  random.often(0.2) ? random.whole(MOMENT.least, MOMENT.soon) : random.whole(MOMENT.soon, MOMENT.most)

function strike(kind: Kind, stand: Stand, random: Random): void {
  process.kill(kind === "daemon" ? stand.pid : stand.run.pid, "SIGKILL")
  // Without its daemon the child ends by itself and takes some of its commands along; killed as well it can't.
  if (kind === "daemon" && random.often(0.4)) kill9(stand.run.pid)
}

function kill9(pid: number): void {
  try {
    process.kill(pid, "SIGKILL")
  } catch {
    // It has ended already.
  }
}
