// One attempt of a job, from its claim to its end: run, deadline, stop. Asked to stop, a run has its grace; after that the job
// goes on without it, and what it says later is fenced off.

import { backoffMs } from "../../base/kit/backoff.ts"
import type { Clock } from "../../base/kit/clock.ts"
import type { Job, JobKind, Running, StopCause, Work } from "./job.ts"

export interface RunnerNeeds {
  clock: Clock
  onFault(error: unknown): void
  /** Writes the end of an attempt. Rejects when it can't be stored now: it is tried again at `retry`. */
  settle(job: Job, end: Verdict): Promise<void>
  says: {
    progress(job: Job, value: object): Promise<void>
    log(job: Job, text: string): Promise<void>
    note(job: Job, context: object): Promise<void>
  }
}

/** What becomes of the job. */
export type Verdict =
  | { is: "completed"; result: string }
  | { is: "failed"; error: string }
  | { is: "canceled"; error: string }
  | { is: "queued"; error: string; notBefore: number | undefined; why: "retried" | "shutdown" }

type Outcome = { ok: true; result: unknown } | { ok: false; error: unknown } | { lingers: true }

interface Slot {
  job: Job
  kind: JobKind
  /** Made when somebody looks: most runs are over before. */
  abort: AbortController | undefined
  running: Running | undefined
  work: Work | undefined
  cause: StopCause | undefined
  /** What was decided; a second outcome is late. */
  verdict: Verdict | undefined
  timers: Disposable[]
}

export function createRunner({ clock, onFault, settle, says }: RunnerNeeds) {
  const slots = new Map<number, Slot>()
  const freed = new Set<() => void>()

  function start(job: Job, kind: JobKind): void {
    const slot: Slot = {
      job,
      kind,
      abort: undefined,
      running: undefined,
      work: undefined,
      cause: undefined,
      verdict: undefined,
      timers: [],
    }
    slots.set(job.n, slot)
    const running: Running = {
      job,
      get signal() {
        return abortOf(slot).signal
      },
      progress: (value) => says.progress(job, value),
      log: (text) => says.log(job, text),
      note: (context) => says.note(job, context),
    }
    let work: Work
    try {
      work = kind.open(JSON.parse(job.payload))
    } catch (error) {
      decide(slot, { is: "failed", error: `invalid_payload: ${textOf(error)}` })
      return
    }
    Object.assign(slot, { running, work })
    slot.timers.push(clock.after(kind.timeoutMs, () => stop(job.n, "timeout")))
    attempt(() => work.run(running)).then(
      (result) => over(slot, { ok: true, result }),
      (error: unknown) => over(slot, { ok: false, error }),
    )
  }

  /** Asks the run to end. Once: the first cause stands. */
  function stop(n: number, cause: StopCause): void {
    const slot = slots.get(n)
    if (!slot || slot.cause || slot.verdict) return
    slot.cause = cause
    slot.timers.push(clock.after(slot.kind.graceMs, () => over(slot, { lingers: true })))
    interrupt(slot, cause)
    slot.abort?.abort(cause)
  }

  function abortOf(slot: Slot): AbortController {
    slot.abort ??= new AbortController()
    if (slot.cause && !slot.abort.signal.aborted) slot.abort.abort(slot.cause)
    return slot.abort
  }

  function interrupt({ work, running }: Slot, cause: StopCause): void {
    if (running) attempt(async () => work?.interrupt?.(running, cause)).catch(onFault)
  }

  function over(slot: Slot, outcome: Outcome): void {
    if (slot.verdict && "lingers" in outcome) return
    const verdict = verdictOf(slot, outcome, clock.now())
    if (slot.verdict) {
      // Its attempt was ended without it: told, and nothing else.
      settle(slot.job, verdict).catch(onFault)
      return
    }
    decide(slot, verdict)
  }

  function decide(slot: Slot, verdict: Verdict): void {
    slot.verdict = verdict
    for (const timer of slot.timers) timer[Symbol.dispose]()
    write(slot, verdict)
  }

  function write(slot: Slot, verdict: Verdict): void {
    settle(slot.job, verdict).then(
      () => {
        slots.delete(slot.job.n)
        for (const hear of freed) hear()
      },
      // It keeps its place until it can be stored.
      (error: unknown) => {
        unwritten.set(slot, verdict)
        onFault(error)
      },
    )
  }
  const unwritten = new Map<Slot, Verdict>()

  return {
    start,
    stop,
    /** Ends that could not be stored are tried again. */
    retry(): void {
      const again = [...unwritten]
      unwritten.clear()
      for (const [slot, verdict] of again) write(slot, verdict)
    },
    holds: (n: number): boolean => slots.has(n),
    get size() {
      return slots.size
    },
    running: (): Job[] => [...slots.values()].map(({ job }) => job),
    /** Resolves when none is left. */
    async idle(): Promise<void> {
      while (slots.size > 0) {
        const { promise, resolve } = Promise.withResolvers<void>()
        freed.add(resolve)
        await promise
        freed.delete(resolve)
      }
    },
  }
}
export type Runner = ReturnType<typeof createRunner>

/** A run that throws before it waits is a run that failed. */
const attempt = async <T>(fn: () => Promise<T> | T): Promise<T> => fn()

function verdictOf({ job, kind, cause }: Slot, outcome: Outcome, now: number): Verdict {
  const lingers = "lingers" in outcome
  if (cause === "cancel") return { is: "canceled", error: lingers ? "interrupt_timeout" : "cancel_requested" }
  // What is done is done, be it late for its deadline or for the daemon's.
  if (!lingers && outcome.ok) return completed(outcome.result)
  if (cause === "shutdown") {
    if (kind.atShutdown === "requeue" && job.attempt < job.maxAttempts)
      return { is: "queued", error: "shutdown", notBefore: undefined, why: "shutdown" }
    return { is: "canceled", error: "shutdown" }
  }
  const error = cause === "timeout" ? `timeout: not done within ${kind.timeoutMs} ms` : failureOf(outcome)
  const again = cause === "timeout" || (!lingers && !outcome.ok && isRetryable(kind, outcome.error))
  if (!again || job.attempt >= job.maxAttempts) return { is: "failed", error }
  // The first retry comes at once.
  const waitMs = job.attempt === 1 ? 0 : backoffMs(kind.backoff, job.attempt - 1)
  return { is: "queued", error, notBefore: waitMs === 0 ? undefined : now + waitMs, why: "retried" }
}

function completed(result: unknown): Verdict {
  try {
    return { is: "completed", result: JSON.stringify(result) ?? "null" }
  } catch (error) {
    return { is: "failed", error: `its result is no JSON: ${textOf(error)}` }
  }
}

function isRetryable(kind: JobKind, error: unknown): boolean {
  try {
    return kind.isRetryable(error)
  } catch {
    return false
  }
}

const failureOf = (outcome: Outcome): string =>
  "error" in outcome ? textOf(outcome.error) : "it did not end"
const LONGEST_ERROR = 4_000
export const textOf = (error: unknown): string =>
  (error instanceof Error ? error.message || error.name : String(error)).slice(0, LONGEST_ERROR)
