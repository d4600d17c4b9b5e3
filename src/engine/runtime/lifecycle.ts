// The states of the supervised program and the moves between them. A move that is not in the table is a bug and says so.
//
//   stopped ─start─▶ starting ─ready─▶ ready ─exit─▶ waiting ─retry─▶ starting
//                       ├─exit─▶ waiting, or ─crash─▶ broken (five in a minute) ─retry─▶ starting (the probe)
//                       └─absent─▶ broken      stop: from anywhere, through draining where a child lives
//   ready ─rest─▶ resting ─exit─▶ asleep ─wake─▶ starting: a child that we let go because nobody needs it

import { Fault } from "../../base/fault.ts"
import { type Backoff, backoffMs } from "../../base/kit/backoff.ts"
import { type Clock, iso } from "../../base/kit/clock.ts"
import { TIMERS } from "../../base/kit/timers.ts"
import type { ChildEnd } from "./child.ts"

const MOVES = {
  stopped: { start: "starting" },
  starting: { ready: "ready", exit: "waiting", crash: "broken", absent: "broken", stop: "draining" },
  ready: { exit: "waiting", crash: "broken", stop: "draining", rest: "resting" },
  resting: { exit: "asleep", stop: "draining" },
  asleep: { wake: "starting", stop: "stopped" },
  waiting: { retry: "starting", stop: "stopped" },
  broken: { retry: "starting", stop: "stopped" },
  draining: { exit: "stopped" },
} as const

export type LifecycleName = keyof typeof MOVES
export type LifecycleMove = { [S in LifecycleName]: keyof (typeof MOVES)[S] }[LifecycleName]

const RESTART: Backoff = { firstMs: 250, capMs: 15_000, jitter: 0.3 }
const CRASH_LIMIT = 5
const CRASH_WINDOW_MS = 60_000

export interface Lifecycle {
  name(): LifecycleName
  /** Throws when the table has no such move from here. */
  move(move: LifecycleMove): void
  can(move: LifecycleMove): boolean
  /** The child came up: the next exit is the first again once it has stayed up for a minute. */
  noteReady(): void
  /** A child that was not told to go has gone. Which move it is, and after how long to retry. */
  noteCrash(): { move: "exit" | "crash"; retryMs: number }
}

export function createLifecycle({ clock, random }: { clock: Clock; random?: () => number }): Lifecycle {
  let name: LifecycleName = "stopped"
  let crashes: number[] = []
  let inARow = 0
  let readyAt: number | undefined
  let broken = false

  const target = (move: LifecycleMove): LifecycleName | undefined =>
    (MOVES[name] as Partial<Record<LifecycleMove, LifecycleName>>)[move]

  return {
    name: () => name,
    can: (move) => target(move) !== undefined,
    move(move) {
      const next = target(move)
      if (next === undefined) throw new Error(`the runtime can't ${move} while it is ${name}`)
      if (next === "broken") broken = true
      if (next === "ready" || next === "stopped") broken = false
      name = next
    },
    noteReady() {
      readyAt = clock.mono()
    },
    noteCrash() {
      const now = clock.mono()
      const stayed = readyAt !== undefined && now - readyAt >= CRASH_WINDOW_MS
      readyAt = undefined
      inARow = stayed ? 1 : inARow + 1
      crashes = [...crashes.filter((at) => now - at < CRASH_WINDOW_MS), now]
      // A failed probe leaves it broken, however long ago the crashes before it are.
      if (broken || crashes.length >= CRASH_LIMIT) return { move: "crash", retryMs: TIMERS.brokenProbeMs }
      return { move: "exit", retryMs: backoffMs(RESTART, inARow, random) }
    },
  }
}

export interface RunRef {
  id: string
  pid: number
}

export interface RunExit extends ChildEnd {
  at: number
  stderrTail: string
  /** True when `stop` ended it. */
  expected: boolean
}

export interface RuntimeState {
  name: LifecycleName
  pid?: number
  runId?: string
  version?: string
  userAgent?: string
  /** Epoch milliseconds of the running child's spawn. */
  startedAt?: number
  /** Starts after the first. */
  restarts: number
  lastExit?: { code: number | null; signal: string | null; at: number }
  /** What the binary refused and we do without, in words. */
  fallbacks: string[]
  /** Why it isn't ready, in words. */
  reason?: string
  methods: { known: boolean; count: number }
  unknownNotifications: Record<string, number>
  unreadableLines: number
  /** When the next start is due, epoch milliseconds. */
  retryAt?: number
}

/** What a caller is told while no child is ready: also when it is tried next, which is when to come again. */
export function downFault({ name, reason, retryAt }: RuntimeState, now: number): Fault {
  const why = reason === undefined ? "" : `: ${reason}`
  return new Fault(
    "runtime_unavailable",
    `codex is ${name}${why}`,
    retryAt === undefined ? {} : { retryAt: iso(retryAt) },
    retryAt === undefined ? {} : { retryAfterS: Math.max(1, Math.ceil((retryAt - now) / 1_000)) },
  )
}
