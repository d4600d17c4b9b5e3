// Entries that somebody outside writes: over HTTP, and extensions by their actions. The row and what is told of it are one act;
// the daemon's own secrets are taken out before either.

import { Fault } from "../../base/fault.ts"
import type { Masks } from "../../base/observe/logger.ts"
import type { Db } from "../../base/storage/port.ts"
import type { Entry } from "../../domain/transcript/entry.ts"
import type { EntryRow } from "../../domain/transcript/store.ts"
import type { Rooms } from "../rooms.ts"

export interface TranscriptActsNeeds {
  db: Db
  masks: Masks
  rooms: Pick<Rooms, "sessions" | "transcript" | "tombstones">
}

export function createTranscriptActs({ db, masks, rooms }: TranscriptActsNeeds) {
  const { sessions, transcript, tombstones } = rooms
  return {
    /**
     * Adds the entry or merges it into its row (wire-contract §3.4); the same again changes nothing. Throws `session_deleted`,
     * `session_not_found`, `storage_full`.
     */
    upsert: (sessionId: string, entry: Entry): Promise<EntryRow> =>
      db.act((tx) => {
        const gone = tombstones.fault(sessionId, tx)
        if (gone) throw gone
        if (!sessions.find(sessionId, tx))
          throw new Fault("session_not_found", "no such session", { sessionId })
        const details = entry.details === undefined ? undefined : masks.apply(entry.details)
        return transcript.say(tx, sessionId, { ...entry, content: masks.apply(entry.content), details })
      }),
  }
}
export type TranscriptActs = ReturnType<typeof createTranscriptActs>
