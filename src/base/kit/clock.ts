// The only source of time and the only home of timers (decisions 40). Rooms take a Clock, so tests turn it by hand.

export interface Clock {
  /** Wall clock, epoch milliseconds. */
  now(): number
  /** Monotonic milliseconds with fractions, for durations only. */
  mono(): number
  /** Calls `fn` once after `ms`. Disposing before then cancels. The timer never keeps the process alive. */
  after(ms: number, fn: () => void): Disposable
  /** Calls `fn` every `ms` until disposed. For the named cadences of `base/kit/timers.ts` only. */
  every(ms: number, fn: () => void): Disposable
  /** Calls `fn` once, after the I/O events that are already waiting. */
  soon(fn: () => void): void
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  mono: () => performance.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms)
    timer.unref?.()
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  },
  every(ms, fn) {
    const timer = setInterval(fn, ms)
    timer.unref?.()
    return { [Symbol.dispose]: () => clearInterval(timer) }
  },
  soon: (fn) => {
    setImmediate(fn)
  },
}

/** Epoch milliseconds as ISO-8601 with milliseconds, `2026-11-23T11:44:00.000Z`. */
export const iso = (ms: number): string => new Date(ms).toISOString()
