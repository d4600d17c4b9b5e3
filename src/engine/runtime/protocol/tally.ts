// What the child says that we can't use is counted: lines that are no messages, notifications that no table knows.

import type { Clock } from "../../../base/kit/clock.ts"
import { TIMERS } from "../../../base/kit/timers.ts"
import type { Logger } from "../../../base/observe/logger.ts"

/** Names kept; a child that makes up names must not fill the memory. */
const NAMES_KEPT = 500
const OTHERS = "…others"

export function createTally({ clock, log }: { clock: Clock; log: Logger }) {
  const unknown = new Map<string, number>()
  let unreadable = 0
  let complainedAt: number | undefined
  return {
    /** Logged at most once a minute. */
    badLine(line: string) {
      unreadable++
      const now = clock.mono()
      if (complainedAt !== undefined && now - complainedAt < TIMERS.badLineComplaintMs) return
      complainedAt = now
      log.warn("the child wrote a line that is no message", {
        line: line.slice(0, 200),
        unreadableLines: unreadable,
      })
    },
    unknownNotification(method: string) {
      const name = unknown.size < NAMES_KEPT || unknown.has(method) ? method : OTHERS
      unknown.set(name, (unknown.get(name) ?? 0) + 1)
    },
    counts: () => ({ unreadableLines: unreadable, unknownNotifications: Object.fromEntries(unknown) }),
  }
}
