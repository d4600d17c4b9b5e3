// Handlers that run now. Each ends exactly once: it returned, threw, was too slow, or its thread was lost. Calls of tools are
// answered as long as it runs; a net beyond every limit kills a host that says nothing at all.

import type { Clock } from "../../../base/kit/clock.ts"
import type { FromHost } from "../link/wire.ts"
import type { Counts } from "./health.ts"
import type { Home } from "./homes.ts"

export type Outcome =
  | { done: unknown }
  | { threw: string }
  | { timedOut: true }
  /** Its thread or host ended under it. */
  | { lost: string }

export interface Run {
  /** The handler's number in the order of its registration. */
  handler: number
  ms: number
  type: string
  payload: unknown
  /** Handed on to the tools: what caused the event, in the words of the floor above. */
  scope: unknown
}

export interface ToolCall {
  extension: string
  tool: string
  args: unknown[]
  scope: unknown
}

export interface InvocationsNeeds {
  clock: Clock
  call(call: ToolCall): Promise<unknown>
  countsOf(name: string): Counts
}

interface Invocation {
  extension: string
  scope: unknown
  w: number
  /** When its time is over, by the monotonic clock. */
  overAt: number
  end(outcome: Outcome): void
}

type Answer = { call: number; ok: boolean; value: unknown }

/** The host ends what is too slow within 250 ms; whoever hears nothing by then kills the host. */
const NET_MS = 400
/** Calls of tools of one extension within a second; more are refused, slowly. */
const CALLS_A_SECOND = 500
const REFUSAL_MS = 250

export function createInvocations({ clock, call, countsOf }: InvocationsNeeds) {
  const running = new Map<number, Invocation>()
  const idle = new Set<() => void>()
  const calls = new Map<string, { since: number; count: number }>()
  let last = 0

  function run(extension: string, { home, w }: { home: Home; w: number }, order: Run): Promise<Outcome> {
    const id = ++last
    const startedAt = clock.mono()
    const counts = countsOf(extension)
    const { promise, resolve } = Promise.withResolvers<Outcome>()
    const net = clock.after(order.ms + NET_MS, () => {
      home.child.kill(`it did not end a handler that took longer than ${order.ms} ms`)
    })
    const end = (outcome: Outcome) => {
      running.delete(id)
      net[Symbol.dispose]()
      home.child.busy(-1)
      counts.running--
      if ("done" in outcome) counts.handled++
      else if ("timedOut" in outcome) counts.timedOut++
      else counts.failed++
      if ("done" in outcome || "threw" in outcome) counts.took(clock.mono() - startedAt)
      resolve(outcome)
      if (running.size === 0) for (const wake of idle) wake()
    }
    running.set(id, { extension, scope: order.scope, w, overAt: startedAt + order.ms, end })
    home.child.busy(1)
    counts.running++
    const { handler: h, ms, type, payload } = order
    if (!home.child.send({ t: "run", w, id, h, ms, type, payload })) end({ lost: "its host takes nothing" })
    return promise
  }

  /** False for a handler that has ended already. */
  function end(id: number, outcome: Outcome): boolean {
    const invocation = running.get(id)
    invocation?.end(outcome)
    return invocation !== undefined
  }

  function answer(message: Extract<FromHost, { t: "call" }>, reply: (answer: Answer) => unknown): void {
    const { id, call: number, tool, args } = message
    const refuse = (value: string) => void reply({ call: number, ok: false, value })
    const invocation = running.get(id)
    if (!invocation) {
      refuse(`${tool}: the handler's time is over`)
      return
    }
    const { extension, scope } = invocation
    if (tooMany(extension)) {
      clock.after(REFUSAL_MS, () => refuse(`${tool}: more than ${CALLS_A_SECOND} calls a second`))
      return
    }
    call({ extension, tool, args, scope }).then(
      (value) => reply({ call: number, ok: true, value: value ?? null }),
      (error: unknown) => refuse(error instanceof Error ? error.message : String(error)),
    )
  }

  function tooMany(extension: string): boolean {
    const now = clock.mono()
    const known = calls.get(extension)
    if (!known || now - known.since > 1_000) {
      calls.set(extension, { since: now, count: 1 })
      return false
    }
    return ++known.count > CALLS_A_SECOND
  }

  return {
    run,
    end,
    call: answer,
    /** Ends everything that ran in a thread which is no more. */
    endThread(w: number, lost: string): void {
      for (const invocation of [...running.values()]) {
        if (invocation.w !== w) continue
        invocation.end(clock.mono() >= invocation.overAt ? { timedOut: true } : { lost })
      }
    },
    runningIn(threads: ReadonlyMap<number, string>): Set<string> {
      const all = [...running.values()].filter(({ w }) => threads.has(w))
      return new Set(all.map(({ extension }) => extension))
    },
    idle(): Promise<void> {
      if (running.size === 0) return Promise.resolve()
      const { promise, resolve } = Promise.withResolvers<void>()
      idle.add(resolve)
      return promise.then(() => void idle.delete(resolve))
    },
  }
}
