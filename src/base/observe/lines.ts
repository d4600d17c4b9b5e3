// What the logger says goes out once for all of a moment: a write for every request would cost more than the request. A warning
// or worse takes everything before it along at once, so that what explains an end is never what the end swallowed.

import type { Clock } from "../kit/clock.ts"
import type { Level } from "./logger.ts"

const AT_ONCE: ReadonlySet<Level> = new Set(["fatal", "error", "warn"])
/** Characters. Beyond it nothing waits for the moment to be over. */
const MOST_WAITING = 64 * 1024

export interface LinesNeeds {
  clock: Pick<Clock, "soon">
  write(text: string): void
}

/** Lines in their order; disposing writes what still waits. */
export function createLines({ clock, write }: LinesNeeds) {
  let waiting = ""
  const flush = (): void => {
    if (waiting === "") return
    const text = waiting
    waiting = ""
    write(text)
  }
  return {
    put(line: string, level: Level): void {
      if (waiting === "") clock.soon(flush)
      waiting += line
      if (AT_ONCE.has(level) || waiting.length > MOST_WAITING) flush()
    },
    [Symbol.dispose]: flush,
  }
}
