// Keeps one child alive and says honestly how it is: starts it, shakes hands, learns what it can do, starts it again when
// it dies, reaps what it leaves behind, stops it. Its hearers are synchronous and never stop its reader. Runs are recorded
// for the daemon's next life; a record that fails (full or locked database) changes nothing in this one.

import type { Clock } from "../../base/kit/clock.ts"
import { newId } from "../../base/kit/ids.ts"
import { createSignal } from "../../base/kit/signal.ts"
import { TIMERS } from "../../base/kit/timers.ts"
import type { Logger } from "../../base/observe/logger.ts"
import type { Platform } from "../../base/platform/port.ts"
import type { Processes } from "../../base/platform/processes.ts"
import { type ChildEnd, type ChildRun, type Program, startChild } from "./child.ts"
import { createLifecycle, downFault, type RunExit, type RunRef, type RuntimeState } from "./lifecycle.ts"
import { learnMethods, type MethodCache } from "./methods.ts"
import type { CallOptions, Peer } from "./peer.ts"
import { type ClientInfo, type Handshake, shakeHands } from "./protocol/handshake.ts"
import { LINE_LIMIT_BYTES } from "./protocol/lines.ts"
import { createTally } from "./protocol/tally.ts"
import type { Message } from "./protocol/wire.ts"
import { type Quirks, quirksOf } from "./quirks.ts"
import { createRecords, type Run, type RunSpawn, type RunStore, reapSurvivors } from "./reap.ts"
import { createRest } from "./rest/rest.ts"
import { createRetry } from "./rest/retry.ts"

export interface SupervisorNeeds {
  platform: Pick<Platform, "spawn">
  clock: Clock
  processes: Processes
  /** `undefined`: there is none; `absentReason` then says how to get one. */
  program(): Promise<Program | undefined>
  absentReason: string
  /** The child's whole environment but for CODEXD_RUN. No secret of the daemon (decisions 31). */
  env: Record<string, string>
  cwd: string
  clientInfo: ClientInfo
  /** Of this data folder, for ever: marks every process of our runs. No dot in it. */
  houseId: string
  log: Logger
  runStore: RunStore
  methodCache: MethodCache
  lineLimitBytes?: number
  onStderr?(line: string): void
  random?: () => number
}

export function createSupervisor(needs: SupervisorNeeds) {
  const { clock, log } = needs
  const records = createRecords(needs.runStore, log)
  const lifecycle = createLifecycle(needs.random ? { clock, random: needs.random } : { clock })
  const tally = createTally({ clock, log })
  const onFault = (error: unknown) => log.error("a hearer of the runtime failed", { error })
  const states = createSignal<RuntimeState>(onFault)
  const batches = createSignal<{ batch: Message[]; run: RunRef }>(onFault)
  const exits = createSignal<{ exit: RunExit; run: RunRef }>(onFault)

  let run: (RunRef & { startedAt: number; child: ChildRun; spawn?: RunSpawn }) | undefined
  let hands: Handshake | undefined
  let starts = 0
  let lastExit: RuntimeState["lastExit"]
  let reason: string | undefined
  // Everything that starts or buries a run goes through here, one after the other.
  let work: Promise<void> = Promise.resolve()

  const inTurn = (step: () => Promise<void>): Promise<void> => {
    work = work.then(step).catch((error: unknown) => log.error("the runtime supervisor failed", { error }))
    return work
  }

  const state = (): RuntimeState => ({
    name: lifecycle.name(),
    restarts: Math.max(0, starts - 1),
    fallbacks: hands?.fallbacks ?? [],
    methods: { known: hands?.methods.known ?? false, count: hands?.methods.count ?? 0 },
    ...tally.counts(),
    ...(run && { pid: run.pid, runId: run.id, startedAt: run.startedAt }),
    ...(hands && { version: hands.version, userAgent: hands.userAgent }),
    ...(lastExit && { lastExit }),
    ...(reason !== undefined && { reason }),
    ...(retry.at !== undefined && { retryAt: retry.at }),
  })
  const told = () => states.emit(state())

  const retry = createRetry(clock, () => {
    if (!lifecycle.can("retry")) return
    lifecycle.move("retry")
    told()
    inTurn(launch)
  })
  const rest = createRest({
    clock,
    lifecycle,
    told,
    launch: () => inTurn(launch),
    child: () => run?.child,
    state: () => state(),
  })

  const absent = (why: string) => {
    reason = why
    lifecycle.move("absent")
    log.warn("codex can't be started", { reason })
    retry.in(TIMERS.brokenProbeMs)
    told()
  }
  const crashed = (why: string) => {
    reason = why
    const { move, retryMs } = lifecycle.noteCrash()
    lifecycle.move(move)
    retry.in(retryMs)
  }

  const launch = async (): Promise<void> => {
    if (lifecycle.name() !== "starting" || run) return
    await begin().catch(notBegun)
  }
  const notBegun = (error: unknown) => {
    log.warn("codex can't be started", { error })
    const why = `codex can't be started: ${textOf(error)}`
    // A child that lives is buried at its end, and that goes on from there.
    if (run) return void run.child.kill(why, 0)
    if (lifecycle.name() === "starting") crashed(why)
    told()
  }

  const begin = async (): Promise<void> => {
    const program = await needs.program()
    if (lifecycle.name() !== "starting") return
    if (!program) return absent(needs.absentReason)
    const id = newId()
    const startedAt = clock.now()
    await records.begin({ id, startedAt })
    if (lifecycle.name() !== "starting") return records.ended(id)
    starts++
    const ref: RunRef = { id, pid: 0 }
    let child: ChildRun
    try {
      child = spawn(ref, program)
    } catch (error) {
      await records.ended(id)
      throw error
    }
    ref.pid = child.pid
    run = { id, pid: child.pid, startedAt, child }
    if (!rest.isOver()) hands = undefined
    child.ended.then((end) => bury(ref, end))
    const { startTicks } = needs.processes.find(child.pid) ?? {}
    const spawned: RunSpawn = { pid: child.pid, startTicks, bootId: needs.processes.bootId() }
    run.spawn = spawned
    await records.spawned(id, spawned)
    told()
    greet(child, program.key)
  }

  const spawn = (ref: RunRef, program: Program): ChildRun =>
    startChild({
      platform: needs.platform,
      clock,
      spec: {
        command: program.command,
        cwd: needs.cwd,
        env: { ...needs.env, ...program.env, CODEXD_RUN: `${needs.houseId}.${ref.id}` },
      },
      lineLimitBytes: needs.lineLimitBytes ?? LINE_LIMIT_BYTES,
      onMessages: (batch) => batches.emit({ batch, run: ref }),
      onBadLine: tally.badLine,
      onFault,
      onStderr: (line) => needs.onStderr?.(line),
    })

  /** From spawn to ready, outside the turn: the child's end must not wait for it. */
  const greet = async (child: ChildRun, key: string | undefined) => {
    const net = clock.after(TIMERS.startDeadlineMs, () => {
      child.kill(`codex did not answer within ${TIMERS.startDeadlineMs} ms of its start`, 0)
    })
    try {
      const done = await shakeHands({
        peer: child.peer,
        clientInfo: needs.clientInfo,
        deadlineMs: TIMERS.startDeadlineMs,
        key,
        cache: needs.methodCache,
      })
      if (run?.child !== child || lifecycle.name() !== "starting") return
      hands = done
      reason = undefined
      lifecycle.move("ready")
      lifecycle.noteReady()
      rest.ready()
      log.info("codex is ready", { pid: child.pid, version: done.version, fallbacks: done.fallbacks })
      told()
    } catch (error) {
      child.kill(`codex refused the handshake: ${textOf(error)}`)
    } finally {
      net[Symbol.dispose]()
    }
  }

  const bury = (ref: RunRef, end: ChildEnd) => {
    if (run?.id !== ref.id) return
    const { startedAt, spawn: spawned } = run
    const tail = run.child.stderrTail()
    const resting = lifecycle.name() === "resting"
    const expected = resting || lifecycle.name() === "draining"
    lastExit = { code: end.code, signal: end.signal, at: clock.now() }
    run = undefined
    if (!resting) hands = undefined
    if (expected) lifecycle.move("exit")
    else crashed(end.reason ?? `codex ended (${end.signal ?? `code ${end.code}`})`)
    const fields = { ...end, pid: ref.pid, expected, ...(expected ? {} : { stderr: tail.slice(-2_000) }) }
    log[expected ? "info" : "warn"]("codex has ended", fields)
    exits.emit({ exit: { ...end, at: lastExit.at, stderrTail: tail, expected }, run: ref })
    told()
    inTurn(async () => {
      await reap({ id: ref.id, startedAt, threads: records.threadsOf(ref.id), ...spawned })
      await records.ended(ref.id)
    })
    rest.buried()
  }

  /** From what we remember: what could not be recorded is reaped too. */
  const reap = (own: Run) =>
    reapSurvivors({
      processes: needs.processes,
      clock,
      houseId: needs.houseId,
      runs: [own],
      spare: run ? [run.id] : [],
      log,
    })

  const stop = async ({ graceMs = TIMERS.killGraceMs }: { graceMs?: number } = {}): Promise<void> => {
    retry.none()
    reason = "the daemon is stopping"
    if (lifecycle.can("stop")) lifecycle.move("stop")
    told()
    if (run) await run.child.kill("stopped", graceMs)
    // A launch under way sees the state and gives up, or its child is found here.
    await work
    if (run) await run.child.kill("stopped", graceMs)
    if (lifecycle.name() === "draining") {
      lifecycle.move("exit")
      told()
    }
    await work
  }

  return {
    /** Starts the child and goes on starting it until `stop`. Returns at once. */
    start() {
      lifecycle.move("start")
      told()
      inTurn(launch)
    },
    state,
    /** The peer of a child that has shaken hands. */
    ready: (): Peer | undefined => (lifecycle.name() === "ready" ? run?.child.peer : undefined),
    /** A child is ready, or comes when it is called. */
    callable: (): boolean => lifecycle.name() === "ready" || rest.isOver(),
    /** Ends a child that nobody needs; the next call starts it and waits. With `wake` it is started at once. */
    rest: rest.rest,
    has: (method: string): boolean | undefined => hands?.methods.has(method),
    methods: (): readonly string[] => hands?.methods.list ?? [],
    /** Asks the child for its list once more; false, and nothing changes, where it doesn't say. */
    async relearn(): Promise<boolean> {
      const was = hands
      if (!was || !run) throw downFault(state(), clock.now())
      const ask = { peer: run.child.peer, deadlineMs: TIMERS.callDeadlineMs, cache: needs.methodCache }
      const methods = await learnMethods({ ...ask, key: undefined })
      if (hands === was && methods.known) hands = { ...was, methods }
      return methods.known
    },
    quirks: (): Quirks =>
      quirksOf({
        has: (method) => hands?.methods.has(method),
        observed: { experimental: hands?.experimental ?? true },
      }),
    /** `runtime_unavailable` when no child is ready; otherwise as Peer.call. */
    async call(method: string, params: unknown, options: CallOptions): Promise<unknown> {
      if (rest.isOver()) await rest.awake()
      const peer = lifecycle.name() === "ready" ? run?.child.peer : undefined
      if (!peer) throw downFault(state(), clock.now())
      return peer.call(method, params, options)
    },
    onState: (hear: (state: RuntimeState) => void): Disposable => states.on(hear),
    /** Messages of the child in order; also those that come before it is ready. */
    onMessages: (hear: (batch: Message[], run: RunRef) => void): Disposable =>
      batches.on(({ batch, run: ref }) => hear(batch, ref)),
    /** After the run's last message; its peer is closed by then. */
    onExit: (hear: (exit: RunExit, run: RunRef) => void): Disposable =>
      exits.on(({ exit, run: ref }) => hear(exit, ref)),
    /** Counts a notification that no table of ours knows. */
    noteUnknown: tally.unknownNotification,
    /** TERM, KILL after `graceMs`, reap. Resolves when nothing of the child is left. */
    stop,
  }
}

export type Supervisor = ReturnType<typeof createSupervisor>

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
