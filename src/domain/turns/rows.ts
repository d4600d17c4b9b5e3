// Rows of the transcript that say what was done to a thread itself.

import { type Clock, iso } from "../../base/kit/clock.ts"
import { newId } from "../../base/kit/ids.ts"
import type { Tx } from "../../base/storage/port.ts"
import type { Transcript } from "../transcript/transcript.ts"

export interface RowOfThread {
  kind: string
  type: string
  content: string
  about: Record<string, unknown>
  /** Where in the session it is told. */
  place: number
  /** Who asked for it. */
  by: string | undefined
}

export const createRows =
  ({ clock, transcript }: { clock: Clock; transcript: Transcript }) =>
  (tx: Tx, sessionId: string, row: RowOfThread): void => {
    const id = `${row.kind}-${newId()}`
    const at = clock.now()
    const entry = {
      messageId: id,
      turnId: id,
      role: "system",
      type: row.type,
      content: row.content,
      details: JSON.stringify({ occurredAt: iso(at), ...row.about }),
      startedAt: at,
      completedAt: at,
      status: "complete",
      author: row.by,
    } as const
    transcript.put(tx, sessionId, entry, { place: row.place })
  }
