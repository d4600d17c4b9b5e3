// Answers that many ask for at once: one call to the child for all of them, kept for a moment. A call that nobody waits for
// any more is called off; one that failed is not kept.

import { Fault } from "../../base/fault.ts"
import type { Clock } from "../../base/kit/clock.ts"

export interface SharedNeeds {
  clock: Clock
  keepMs: number
}
export interface Ask<T> {
  /** Equal keys are the same question. */
  key: string
  /** Nobody reads what is kept, nor joins what is under way. */
  fresh: boolean
  signal?: AbortSignal | undefined
  call(signal: AbortSignal): Promise<T>
}

interface Flight<T> {
  answer: Promise<T>
  waiting: number
  off: AbortController
  /** Kept until then, once it is there. */
  until?: number
}

const MOST = 100

export function createShared<T>({ clock, keepMs }: SharedNeeds) {
  const flights = new Map<string, Flight<T>>()

  function start({ key, call }: Ask<T>): Flight<T> {
    const off = new AbortController()
    const flight: Flight<T> = { off, waiting: 0, answer: call(off.signal) }
    const drop = () => {
      if (flights.get(key) === flight) flights.delete(key)
    }
    flight.answer.then(() => {
      flight.until = clock.mono() + keepMs
    }, drop)
    if (flights.size >= MOST) flights.clear()
    flights.set(key, flight)
    return flight
  }

  function join(flight: Flight<T>, { key, signal }: Ask<T>): Promise<T> {
    flight.waiting++
    const left = Promise.withResolvers<never>()
    const leave = () => {
      if (--flight.waiting === 0 && flight.until === undefined) {
        if (flights.get(key) === flight) flights.delete(key)
        flight.off.abort()
      }
      left.reject(new Fault("runtime_unavailable", "the client went away"))
    }
    if (!signal) return flight.answer
    left.promise.catch(() => {})
    if (signal.aborted) leave()
    else signal.addEventListener("abort", leave, { once: true })
    return Promise.race([flight.answer, left.promise]).finally(() =>
      signal.removeEventListener("abort", leave),
    )
  }

  return {
    /** The answer; `runtime_unavailable` for one who went away, who doesn't read it. */
    ask(asked: Ask<T>): Promise<T> {
      const known = asked.fresh ? undefined : flights.get(asked.key)
      const usable = known && (known.until === undefined || known.until > clock.mono())
      return join(usable ? known : start(asked), asked)
    },
    /** Something was changed: what is known may be wrong. */
    forget: (): void => flights.clear(),
  }
}
