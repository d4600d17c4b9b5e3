// A job that waits for a suggestion is over when the suggestion is, or at its deadline, whatever its turn does (wire-contract
// §6.8): the deadline writes the fallback in its place.

import type { Log } from "../../../base/events/log.ts"
import type { Clock } from "../../../base/kit/clock.ts"
import type { Db } from "../../../base/storage/port.ts"
import { isSettled, type Suggestions } from "../../../domain/suggestions/suggestions.ts"
import type { Instruction } from "../../jobs/agent-instruction.ts"
import { fallbackOf } from "../agent/texts.ts"

export interface EarlyNeeds {
  db: Db
  log: Pick<Log, "onTold">
  clock: Clock
  suggestions: Suggestions
  waitMs: number
  onFault(error: unknown): void
}

/** It has what it waits for, or it was not given in time. */
type EarlyEnd = "done" | "deadline"
/** Nothing was cut off that anybody still waited for. */
export const isDone = ({ reason }: AbortSignal): boolean => reason === ("done" satisfies EarlyEnd)

export interface Early extends Disposable {
  /** Aborted once the job has what it waits for. */
  signal: AbortSignal
  /** Resolves then. */
  done: Promise<void>
}

export function createEarly({ db, log, clock, suggestions, waitMs, onFault }: EarlyNeeds) {
  /** Undefined for a job that waits for nothing but its turn. */
  return function earlyFor(given: Instruction): Early | undefined {
    const key = given.completionSignal?.requestKey
    if (key === undefined) return undefined
    const sessionId = given.sourceSessionId
    const abort = new AbortController()
    const { promise: done, resolve } = Promise.withResolvers<void>()
    const look = (why: EarlyEnd = "done") => {
      if (abort.signal.aborted || !isSettled(suggestions.find(sessionId, key))) return
      abort.abort(why)
      resolve()
    }
    const hearing = log.onTold((events) => {
      if (events.some(({ type, thread }) => type === "suggestion.updated" && thread === sessionId)) look()
    })
    const timer = clock.after(waitMs, () => {
      const suggestion = fallbackOf(given.fallbackSuggestionDraft)
      const fallback = { sessionId, requestKey: key, status: "complete", suggestion, fallback: true } as const
      db.act((tx) => {
        if (!isSettled(suggestions.find(sessionId, key, tx))) suggestions.upsert(tx, fallback)
      }).then(() => look("deadline"), onFault)
    })
    look()
    return {
      signal: abort.signal,
      done,
      [Symbol.dispose]() {
        hearing[Symbol.dispose]()
        timer[Symbol.dispose]()
      },
    }
  }
}
