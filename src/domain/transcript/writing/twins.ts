// Rows from outside under ids that an app-server's history makes up (`item-N`), counted anew at every read: one that says what
// another entry of its turn says is that entry once more, and isn't shown (wire-contract §3.5, step 7).

import type { Reader } from "../../../base/storage/port.ts"
import { isMadeUp } from "../entry.ts"
import { type EntryRow, entriesAlike } from "../store.ts"

/** True when another entry of the turn, with an id of its own, stands for it. */
export function isTwin(db: Reader, sessionId: string, row: EntryRow): boolean {
  if (row.item !== undefined || !isMadeUp(row.messageId)) return false
  return entriesAlike(db, sessionId, row).some(
    (other) =>
      !isMadeUp(other.messageId) &&
      (row.type === "reasoning" ||
        squeezed(other.content) === squeezed(row.content) ||
        (row.details !== undefined && other.details === row.details)),
  )
}

const squeezed = (text: string): string => text.replace(/\s+/g, " ").trim()
