// What every list does with a cursor: an opaque text of ours, and a clear 400 for anything else.

import { Fault } from "../fault.ts"

/** The text within a cursor; empty when it is no cursor at all. */
export function textOfCursor(cursor: string): string {
  try {
    return atob(cursor)
  } catch {
    return ""
  }
}

/** For whoever sends a cursor that this list never gave (V400). */
export const foreignCursor = (): Fault =>
  new Fault("invalid_request", "the cursor is none of ours", {
    issues: [{ code: "custom", path: ["cursor"], message: "unknown cursor" }],
  })
