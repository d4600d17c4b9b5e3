// What is counted of each extension, over all its generations.

export interface Health {
  handled: number
  failed: number
  timedOut: number
  /** Milliseconds, of the last 512 handlers that returned; null before the first. */
  p99Ms: number | null
  running: number
  /** Came after a handler's time and was refused. */
  refusedLate: number
  /** Promises of it that nobody caught. */
  unhandled: number
  /** Lines of log that were too many. */
  droppedLines: number
  /** Events that were not delivered because too much waited. */
  droppedEvents: number
  /** How often it had to be started again. */
  restarts: number
  /** Why nothing is delivered to it any more, until the next reload. */
  quarantined: string | null
}

const KEPT = 512

export class Counts {
  handled = 0
  failed = 0
  timedOut = 0
  running = 0
  refusedLate = 0
  unhandled = 0
  droppedLines = 0
  droppedEvents = 0
  restarts = 0
  quarantined: string | null = null
  readonly #took = new Float64Array(KEPT)
  #times = 0

  took(ms: number): void {
    this.#took[this.#times++ % KEPT] = ms
  }

  report(): Health {
    const sorted = this.#took.slice(0, Math.min(this.#times, KEPT)).sort()
    const p99 = sorted[Math.ceil(sorted.length * 0.99) - 1]
    const { handled, failed, timedOut, running, refusedLate, unhandled } = this
    const { droppedLines, droppedEvents, restarts, quarantined } = this
    const counted = { handled, failed, timedOut, running, refusedLate, unhandled }
    const rest = { droppedLines, droppedEvents, restarts, quarantined }
    return { ...counted, p99Ms: p99 === undefined ? null : Math.round(p99 * 1000) / 1000, ...rest }
  }
}
