// Who may have a frame (wire-contract §2.2), for one listener at a time. The topics of boards.ts say the same for all.

import type { Scope } from "../../base/events/event.ts"

/** `filter` is the thread that the listener follows, null for all; `thread` is what the frame is about. */
export function mayHear(filter: string | null, scope: Scope, thread: string | null): boolean {
  switch (scope) {
    case "global":
      return true
    case "thread":
      return filter === null || filter === thread
    case "hidden":
      return filter !== null && filter === thread
    case "none":
      return filter === null
  }
}
