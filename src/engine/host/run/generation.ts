// One generation of extensions: their threads, from the moment they are loaded until the last handler has ended. It holds
// what happens to threads and hosts against the extension that caused it, starts them again, and gives up on one that keeps
// failing. Nothing here waits for an extension without a limit.

import type { Clock } from "../../../base/kit/clock.ts"
import type { Logger } from "../../../base/observe/logger.ts"
import { stampOf } from "../../../base/platform/folders.ts"
import type { Platform } from "../../../base/platform/port.ts"
import type { Found } from "../found/find.ts"
import type { HostCommand } from "../link/host-child.ts"
import type { FromHost } from "../link/wire.ts"
import type { Counts } from "./health.ts"
import { createHomes, type Home } from "./homes.ts"
import { createInvocations, type Outcome, type Run, type ToolCall } from "./invocations.ts"

export interface GenerationNeeds {
  platform: Pick<Platform, "spawn">
  clock: Clock
  host: HostCommand
  log: Logger
  /** Answers a call of a tool. */
  call(call: ToolCall): Promise<unknown>
  countsOf(name: string): Counts
}

export interface HandlerOf {
  type: string
  priority: number
  timeoutMs: number
}

export interface LoadFailure {
  code: "import_failed" | "missing_register" | "registration_failed"
  message: string
}

const LOAD_MS = 10_000
/** So many times within STRIKES_MS an extension may hang, flood or die. */
const STRIKES = 3
const STRIKES_MS = 300_000

/** `again`: others lived in the host that ended under it, so it may not be its fault. */
interface Failed extends LoadFailure {
  again?: boolean
}
type Started = { at: Place; handlers: HandlerOf[] }
interface Place {
  home: Home
  w: number
}

interface Resident {
  found: Found
  handlers: HandlerOf[]
  strikes: number[]
  /** Where it lives now; undefined while it is being started or not at all. */
  at: Place | undefined
  starting: Promise<void> | undefined
  quarantined: string | undefined
}

export function createGeneration({ platform, clock, host, log, call, countsOf }: GenerationNeeds) {
  const residents = new Map<string, Resident>()
  const loading = new Map<number, (outcome: HandlerOf[] | Failed) => void>()
  let closed = false
  const homes = createHomes({ platform, clock, host, hear, printed, ended })
  const invocations = createInvocations({ clock, call, countsOf })

  /** Starts its thread and lets it register; if its host ends under it and it wasn't alone, once more. */
  async function start(found: Found): Promise<Started | LoadFailure> {
    for (;;) {
      const outcome = await startOnce(found)
      if (!("code" in outcome) || !outcome.again || closed) return outcome
    }
  }

  async function startOnce(found: Found): Promise<Started | Failed> {
    const { moduleName: name, entry } = found
    let home: Home
    try {
      home = homes.homeOf(name)
      await home.child.up
    } catch (error) {
      return { code: "import_failed", message: error instanceof Error ? error.message : String(error) }
    }
    const w = homes.newThread(home, name)
    const { promise, resolve } = Promise.withResolvers<HandlerOf[] | Failed>()
    loading.set(w, resolve)
    home.child.busy(1)
    if (!home.child.send({ t: "load", w, name, entry, ms: LOAD_MS })) fail(w, "its host has ended", true)
    const outcome = await promise
    loading.delete(w)
    home.child.busy(-1)
    if (Array.isArray(outcome)) return { at: { home, w }, handlers: outcome }
    home.threads.delete(w)
    return outcome
  }

  const fail = (w: number, message: string, again = false) =>
    loading.get(w)?.({ code: "import_failed", message, again })

  async function load(found: Found): Promise<HandlerOf[] | LoadFailure> {
    const started = await start(found)
    if ("code" in started) return started
    const { at, handlers } = started
    const { moduleName: name } = found
    const resident = { found, handlers, strikes: [], at, starting: undefined, quarantined: undefined }
    residents.set(name, resident)
    return handlers
  }

  /** Starts what has ended; from the same files, or not at all: a generation is one state of the world. */
  function restart(name: string, resident: Resident): void {
    resident.at = undefined
    if (closed || resident.quarantined !== undefined || resident.starting) return
    const { found } = resident
    if (found.stamp !== "" && stampOf(found.folder) !== found.stamp) {
      quarantine(name, resident, "its files changed after they were loaded; reload to take the new ones")
      return
    }
    countsOf(name).restarts++
    resident.starting = start(found).then((started) => {
      resident.starting = undefined
      if ("code" in started)
        return quarantine(name, resident, `it can't be started again: ${started.message}`)
      if (JSON.stringify(started.handlers) !== JSON.stringify(resident.handlers)) {
        return quarantine(name, resident, "it registered otherwise when it was started again")
      }
      resident.at = started.at
    })
  }

  function quarantine(name: string, resident: Resident, reason: string): void {
    resident.quarantined = reason
    resident.at = undefined
    countsOf(name).quarantined = reason
    log.error("an extension is quarantined until the next reload", { extension: name, reason })
  }

  function strike(name: string, reason: string): void {
    const resident = residents.get(name)
    if (!resident) return
    log.warn("an extension had to be ended", { extension: name, reason })
    const now = clock.now()
    resident.strikes = [...resident.strikes.filter((at) => now - at < STRIKES_MS), now]
    if (resident.strikes.length >= STRIKES) {
      quarantine(
        name,
        resident,
        `it had to be ended ${STRIKES} times in a short while, at last because ${reason}`,
      )
    }
  }

  function hear(home: Home, message: FromHost): void {
    switch (message.t) {
      case "loaded":
        loading.get(message.w)?.(message.handlers)
        break
      case "failed":
        loading.get(message.w)?.({ code: message.code, message: message.message })
        break
      case "done":
        if (invocations.end(message.id, { done: message.value }) && home.alone) homes.proved(home.alone)
        break
      case "threw":
        invocations.end(message.id, { threw: message.error })
        break
      case "timeout":
        invocations.end(message.id, { timedOut: true })
        break
      case "call":
        invocations.call(message, (answer) => home.child.send({ t: "answer", w: message.w, ...answer }))
        break
      case "memory":
        tooMuchMemory(home, message.mib)
        break
      case "stuck":
        home.guilty = home.threads.get(message.w)
        home.child.kill("a handler hung where it can't be interrupted")
        break
      case "gone":
        gone(home, message)
        break
      case "log":
      case "late":
      case "unhandled":
      case "dropped":
        noted(home, message)
    }
  }

  function noted(
    home: Home,
    message: Extract<FromHost, { t: "log" | "late" | "unhandled" | "dropped" }>,
  ): void {
    const name = home.threads.get(message.w)
    if (name === undefined) return
    const counts = countsOf(name)
    if (message.t === "late") counts.refusedLate += message.times
    else if (message.t === "dropped") counts.droppedLines += message.lines
    else if (message.t === "log") {
      const fields = message.fields === undefined ? {} : { fields: message.fields }
      log[message.level](message.text, { extension: name, ...fields })
    } else {
      counts.unhandled++
      log.error("an extension did not catch an error", { extension: name, error: message.error })
    }
  }

  function gone(home: Home, { w, reason }: Extract<FromHost, { t: "gone" }>): void {
    const name = home.threads.get(w)
    home.threads.delete(w)
    fail(w, reason)
    invocations.endThread(w, reason)
    const resident = name === undefined ? undefined : residents.get(name)
    if (name === undefined || resident?.at?.w !== w) return
    strike(name, reason)
    restart(name, resident)
  }

  function tooMuchMemory(home: Home, mib: number): void {
    const living = new Set(home.threads.values())
    if (living.size === 1) home.guilty = [...living][0]
    home.child.kill(`it took ${mib} MiB of memory, and ${host.memoryMib} are allowed`)
  }

  /** A host has ended. Its cause is known, or everything that ran in it is suspected (decisions 27). */
  function ended(home: Home, reason: string): void {
    const living = new Set(home.threads.values())
    const guilty = home.guilty ?? home.alone
    const ran = invocations.runningIn(home.threads)
    for (const [w, name] of home.threads) if (loading.has(w)) ran.add(name)
    const suspects = guilty === undefined ? (ran.size > 0 ? ran : living) : [guilty]
    for (const w of home.threads.keys()) {
      const mine = guilty === undefined || home.threads.get(w) === guilty
      const why = mine ? reason : `the extension host ended: ${reason}`
      fail(w, why, home.alone === undefined && home.guilty !== home.threads.get(w))
      invocations.endThread(w, why)
    }
    if (closed) return
    log.warn("an extension host ended and is started again", {
      reason,
      extensions: [...living],
      suspects: [...suspects],
    })
    if (guilty !== undefined) strike(guilty, reason)
    for (const name of suspects) homes.setApart(name)
    for (const [name, resident] of residents) if (resident.at?.home === home) restart(name, resident)
  }

  function printed(home: Home, text: string): void {
    log.info(text.slice(0, 2_000), {
      extension: home.alone ?? [...new Set(home.threads.values())].join(", "),
    })
  }

  /** Runs one handler. Always resolves, a little after its limit at the latest. */
  async function run(name: string, order: Run): Promise<Outcome> {
    const resident = residents.get(name)
    if (!resident) return { lost: "it is not loaded" }
    // Its limit counts from when it is there again: a start is milliseconds, and limited itself.
    if (resident.starting) await within(resident.starting, LOAD_MS)
    if (resident.quarantined !== undefined) return { lost: `it is quarantined: ${resident.quarantined}` }
    const { at } = resident
    if (!at) return { lost: "it is being started again" }
    return await invocations.run(name, at, order)
  }

  function within(promise: Promise<void>, ms: number): Promise<void> {
    const { promise: over, resolve } = Promise.withResolvers<void>()
    const timer = clock.after(ms, resolve)
    return Promise.race([promise, over]).finally(() => timer[Symbol.dispose]())
  }

  /** Its thread goes; nothing of it runs yet. */
  function unload(name: string): void {
    const resident = residents.get(name)
    residents.delete(name)
    if (resident?.at) resident.at.home.child.send({ t: "unload", w: resident.at.w })
  }

  return {
    load,
    unload,
    run,
    /** Names of hosts' processes, for those who look for what is left. */
    pids: (): number[] => homes.all().map(({ child }) => child.pid),
    /** Waits for the handlers that run, then ends the hosts. */
    async close({ drain }: { drain: boolean }): Promise<void> {
      if (drain) await invocations.idle()
      closed = true
      const open = homes.all()
      for (const home of open) home.child.kill("the extensions were unloaded")
      await Promise.all(open.map((home) => home.child.ended))
    },
  }
}
export type Generation = ReturnType<typeof createGeneration>
