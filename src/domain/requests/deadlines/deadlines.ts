// Deadlines of requests: until when each kind waits for a person, kept with the request so that a restart changes nothing. At
// the deadline the safe answer is given (decline, no answers, a failed call) by the way that every decision takes, and says so.

import { type Fault, isFault } from "../../../base/fault.ts"
import type { Clock } from "../../../base/kit/clock.ts"
import { TIMERS } from "../../../base/kit/timers.ts"
import type { Reader } from "../../../base/storage/port.ts"
import { methodOf, type Topic } from "../kinds.ts"
import type { By } from "../machine/by.ts"
import { type Request, readRequest } from "../store.ts"
import { type Decision, safeDecision } from "../verdict.ts"
import { dueRequests, nextDueAt } from "./store.ts"

/** How long each kind waits, in milliseconds; 0: as long as it takes. */
export interface Limits {
  approval: number
  toolInput: number
  elicitation: number
  toolCall: number
}

export interface DeadlinesNeeds {
  db: Reader
  clock: Clock
  limits: Limits
  decide(id: string, asked: Decision, by: By): Promise<unknown>
  onFault(error: unknown): void
}

const LIMIT_OF: Readonly<Record<Topic, keyof Limits>> = {
  command: "approval",
  fileChange: "approval",
  permissions: "approval",
  skill: "approval",
  userInput: "toolInput",
  elicitation: "elicitation",
  toolCall: "toolCall",
}

export const AT_DEADLINE: By = { actor: "codexd", source: "deadline" }

export function createDeadlines({ db, clock, limits, decide, onFault }: DeadlinesNeeds) {
  let timer: { at: number; stop: Disposable } | undefined
  let working = false
  let closed = false

  /** Until when a request of that method waits that was asked at that moment; undefined for one that waits for ever. */
  function dueAt(method: string, since: number): number | undefined {
    const limit = limits[LIMIT_OF[methodOf({ method }).topic]]
    return limit === 0 ? undefined : since + limit
  }

  /** Looks at that moment, or sooner if something is due sooner. */
  function wakeAt(at: number | undefined): void {
    if (closed || at === undefined || (timer && timer.at <= at)) return
    timer?.stop[Symbol.dispose]()
    // A timer's milliseconds are 32 bits: what is due later is looked at on the way.
    const inMs = Math.min(Math.max(0, at - clock.now()), TIMERS.longestTimerMs)
    timer = { at, stop: clock.after(inMs, look) }
  }

  function look(): void {
    timer = undefined
    if (working || closed) return
    working = true
    work()
      .then(wakeAt, (error) => {
        onFault(error)
        wakeAt(clock.now() + TIMERS.deadlineRetryMs)
      })
      .finally(() => {
        working = false
      })
  }

  /** Answers when to look again. */
  async function work(): Promise<number | undefined> {
    let failed = false
    const now = clock.now()
    for (const id of dueRequests(db, now)) {
      const request = readRequest(db, id)
      if (request && !(await expire(request))) failed = true
    }
    const next = nextDueAt(db)
    return failed && next !== undefined && next <= clock.now() ? clock.now() + TIMERS.deadlineRetryMs : next
  }

  /** False when it could not be answered now and is to be tried again. */
  async function expire(request: Request): Promise<boolean> {
    try {
      await decide(request.id, safeDecision(request, NOBODY), AT_DEADLINE)
      return true
    } catch (error) {
      // Somebody was first, or it has ended.
      if (SETTLED.some((code) => isFault(error, code))) return true
      onFault(error)
      return false
    }
  }

  return {
    dueAt,
    wakeAt,
    /** Whatever is due from before is answered as soon as it can be. */
    start: () => wakeAt(nextDueAt(db)),
    [Symbol.dispose]() {
      closed = true
      timer?.stop[Symbol.dispose]()
    },
  }
}
export type Deadlines = ReturnType<typeof createDeadlines>

const NOBODY = "nobody answered this call before its deadline"
const SETTLED: readonly Fault["code"][] = ["request_not_found", "request_reconciled"]
