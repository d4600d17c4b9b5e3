// Who is measured: the bare reader, the relay and the daemon, each from start to end behind one interface: started on a
// folder of its own, played some turns of the fake codex, and gone.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { ask } from "../../../tests/support/client.ts"
import { COMMANDS, type Daemon, FAKE_CODEX, openPlace } from "../../../tests/support/daemon.ts"
import type { Figures } from "./meter.ts"
import { cpuMs, type Program, startProgram } from "./workers.ts"

export interface Load {
  /** FAKE_CODEX: what a turn is. */
  fake: string
  listeners: number
  /** Comma separated; empty for all. Only the daemon has families. */
  families: string
  /** Turns; the last one is measured, the others warm up. */
  turns: number
}

export interface Outcome {
  /** Of each listener. */
  each: Figures[]
  /** Processor time of the contender alone, per delta, in µs. */
  cpuUs: number
}

export type Contender = (load: Load) => Promise<Outcome>

export const compiled = join(import.meta.dir, "../../../dist/codexd")

/** Baseline (a). It is its own listener. */
export async function bare(load: Load): Promise<Outcome> {
  await using shelf = openShelf()
  await using reader = startProgram("bare", [shelf.path], { FAKE_CODEX: load.fake })
  await reader.said("ready")
  return await play(load, { pid: reader.pid, hears: reader, begin: async () => reader.tell("go") })
}

/** Baseline (b). */
export async function relay(load: Load): Promise<Outcome> {
  await using shelf = openShelf()
  await using relay = startProgram("relay", [shelf.path], { FAKE_CODEX: load.fake })
  const port = await relay.said<number>("a port")
  await using hears = await listen(port, "/", load.listeners)
  return await play(load, { pid: relay.pid, hears, begin: async () => relay.tell("go") })
}

export const daemon =
  (command: readonly string[] = COMMANDS.bun, more: Record<string, string> = {}): Contender =>
  async (load) => {
    await using place = openPlace("bench")
    const env = {
      FAKE_CODEX: load.fake,
      LOG_LEVEL: "info",
      // The client shares two cores with all the others: what it is late with must wait, or it would be cut.
      STREAM_MAX_LAG_MIB: "1024",
      ...profiling,
      ...more,
    }
    const one = await place.start({ command, codexBin: FAKE_CODEX, env })
    const sessionId = await openSession(one)
    const target = `/api/stream?families=${load.families}`
    await using hears = await listen(one.port, target, load.listeners)
    const begin = async () => {
      const { status, text } = await ask(one.url, `/api/sessions/${sessionId}/messages`, {
        json: { text: "flood" },
      })
      if (status !== 202) throw new Error(`a message was answered ${status}: ${text}`)
    }
    return await play(load, { pid: one.pid, hears, begin })
  }

/** Handed on to the daemon, for `BUN_OPTIONS=--cpu-prof …`. */
const { BENCH_BUN_OPTIONS } = process.env
const profiling: Record<string, string> = BENCH_BUN_OPTIONS ? { BUN_OPTIONS: BENCH_BUN_OPTIONS } : {}

/** A session, as soon as the child takes one. */
async function openSession({ url, work }: Daemon): Promise<string> {
  for (;;) {
    const { status, body, text } = await ask<{ session: { sessionId: string } }>(url, "/api/sessions", {
      json: { cwd: work },
    })
    if (status === 200) return body.session.sessionId
    if (status !== 503) throw new Error(`a session was answered ${status}: ${text}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function listen(port: number, target: string, count: number): Promise<Program> {
  const listeners = startProgram("listeners", [String(port), target, String(count)])
  await listeners.said("ready")
  return listeners
}

interface Playing {
  pid: number
  hears: Program
  begin(): Promise<void>
}

async function play({ turns }: Load, { pid, hears, begin }: Playing): Promise<Outcome> {
  for (let turn = 1; ; turn++) {
    const before = cpuMs(pid)
    await begin()
    const each = await hears.said<Figures[]>("the end of a turn")
    const spent = cpuMs(pid) - before
    if (turn === turns) return { each, cpuUs: (spent * 1000) / (each[0]?.deltas ?? 1) }
  }
}

function openShelf() {
  const shelf = join(homedir(), ".cache/codexd-tests")
  mkdirSync(shelf, { recursive: true })
  const path = mkdtempSync(join(shelf, "bench-"))
  return {
    path,
    [Symbol.asyncDispose]: async () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }),
  }
}
