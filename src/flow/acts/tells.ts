// The acts of the outbox as the child is told of them: what was decided about a session becomes true of its thread.

import { isFault } from "../../base/fault.ts"
import { countFiles, placesOfRollout, removeThreadFiles } from "../../base/platform/thread-files.ts"
import type { TellsChild } from "../../domain/sessions/outbox/outbox.ts"
import type { OutboxRow } from "../../domain/sessions/outbox/store.ts"
import type { Session } from "../../domain/sessions/session.ts"
import type { Codex } from "../../engine/runtime/codex.ts"

export interface TellsNeeds {
  codex: Pick<
    Codex,
    "isReady" | "nameThread" | "archiveThread" | "unarchiveThread" | "deleteThread" | "letGo"
  >
  sessionOf(id: string): Session | undefined
  /** Where Codex keeps its files; undefined when nobody knows. */
  codexHome: string | undefined
}

/** What a `delete` has to know of a session that is gone. */
export interface DeleteBody {
  innerId: string | null
  path: string | null
}

export function createTells({ codex, sessionOf, codexHome }: TellsNeeds): TellsChild {
  async function name({ sessionId, body }: OutboxRow) {
    const { name } = JSON.parse(body) as { name: string }
    try {
      await codex.nameThread(sessionId, name)
      return {}
    } catch (error) {
      if (!isFault(error, "not_found")) throw error
      // Archived, without a turn or (0.105) not loaded, a thread can't always be named: it is when it can.
      const session = sessionOf(sessionId)
      return session && !session.vanished ? { later: true as const } : {}
    }
  }

  async function remove({ sessionId, body }: OutboxRow) {
    const { innerId, path } = JSON.parse(body) as DeleteBody
    const places = path === null || codexHome === undefined ? [] : placesOfRollout(codexHome, path)
    const before = await countFiles(places)
    const deletion = await codex.deleteThread(sessionId)
    if (deletion === "kept") return {}
    if (deletion === "deleted") return { files: before - (await countFiles(places)) }
    return { files: await sweep(sessionId, { innerId, path }) }
  }

  async function sweep(sessionId: string, { innerId, path }: DeleteBody): Promise<number> {
    if (codexHome === undefined) return 0
    const ids = innerId === null ? [sessionId] : [sessionId, innerId]
    return removeThreadFiles({ codexHome, ids, path: path ?? undefined })
  }

  return {
    ready: codex.isReady,
    async perform(row) {
      switch (row.act) {
        case "name":
          return name(row)
        case "delete":
          return remove(row)
        case "archive":
          await codex.archiveThread(row.sessionId)
          return {}
        case "unarchive":
          try {
            await codex.unarchiveThread(row.sessionId)
          } catch (error) {
            // It is not archived there: just what is wanted.
            if (!isFault(error, "not_found")) throw error
          }
          return {}
      }
    },
    async giveUp({ act, sessionId, body }) {
      if (act !== "delete") return {}
      // Whatever it says, or if it dies: what a person deleted doesn't stay on the disk.
      await codex.letGo(sessionId).catch(() => {})
      return { files: await sweep(sessionId, JSON.parse(body) as DeleteBody) }
    },
  }
}
