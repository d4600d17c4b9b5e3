// Counts the deltas of one listener: all there, in order, how fast, and how long after their stamps.

import { percentile } from "./figures.ts"

export interface Figures {
  deltas: number
  frames: number
  bytes: number
  /** Epoch milliseconds of the first delta and of the turn's end. */
  startedAt: number
  endedAt: number
  /** Milliseconds from the stamp in the delta to its arrival; absent when it has none. */
  latency?: { p50: number; p99: number; max: number }
}

/** Stamps are epoch milliseconds with fractions, of the same machine. */
export const now = (): number => performance.timeOrigin + performance.now()

export function openMeter() {
  let next = 0
  let frames = 0
  let bytes = 0
  let startedAt = 0
  let endedAt = 0
  let latencies: number[] = []
  return {
    frame(length: number) {
      frames++
      bytes += length
    },
    /** Delta number `n`; `stamped` is what follows in its text. Throws when one is missing, doubled or out of order. */
    delta(n: number, stamped?: string) {
      if (n !== next) throw new Error(`delta ${n} came where ${next} was due`)
      if (n === 0) startedAt = now()
      next = n + 1
      if (stamped !== undefined && stamped.charCodeAt(0) === 0x40) {
        latencies.push(now() - Number.parseFloat(stamped.slice(1)))
      }
    },
    end: () => {
      endedAt = now()
    },
    /** The figures of a turn; the next one begins anew. */
    take(): Figures {
      const sorted = latencies.sort((a, b) => a - b)
      const figures: Figures = { deltas: next, frames, bytes, startedAt, endedAt }
      if (sorted.length > 0)
        figures.latency = {
          p50: percentile(sorted, 0.5),
          p99: percentile(sorted, 0.99),
          max: sorted.at(-1) ?? 0,
        }
      next = frames = bytes = 0
      latencies = []
      return figures
    },
  }
}
