// The acts of the outbox as the child is told of them: what was decided about a session becomes true of its thread.

import { isFault } from "../../base/fault.ts"
import { findThreadFiles, removeFiles, SNAPSHOTS } from "../../base/platform/thread-files.ts"
import type { FormerThread } from "../../domain/sessions/former/store.ts"
import type { TellsChild } from "../../domain/sessions/outbox/outbox.ts"
import type { OutboxRow } from "../../domain/sessions/outbox/store.ts"
import type { Session } from "../../domain/sessions/session.ts"
import type { Codex } from "../../engine/runtime/codex.ts"

export interface TellsNeeds {
  codex: Pick<
    Codex,
    | "isReady"
    | "nameThread"
    | "archiveThread"
    | "unarchiveThread"
    | "deleteThread"
    | "letGo"
    | "formerThreads"
  >
  sessionOf(id: string): Session | undefined
  /** Where Codex keeps its files; undefined when nobody knows. */
  codexHome: string | undefined
}

/** What a `delete` has to know of a session that is gone. */
export interface DeleteBody {
  innerId: string | null
  path: string | null
  /** Threads that answered for it before, the newest first. */
  former?: FormerThread[]
}

interface Doomed extends FormerThread {
  /** What it is called in calls by `via`. */
  called: string
  via: Pick<Codex, "deleteThread" | "letGo">
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

  /** All threads of a session that is gone: the one that answers for it, then those before it, the newest first. */
  function threadsOf({ sessionId, body }: OutboxRow): Doomed[] {
    const { innerId, path, former = [] } = JSON.parse(body) as DeleteBody
    const own = { called: sessionId, id: innerId ?? sessionId, path, via: codex }
    return [own, ...former.map((one) => ({ ...one, called: one.id, via: codex.formerThreads }))]
  }

  /** As long as the child holds on to a thread the act stays: what a fork needs can go once the fork is gone. */
  async function remove(row: OutboxRow) {
    let files = 0
    for (const thread of threadsOf(row)) {
      const done = await dispose(thread)
      files += done.files
      if (done.kept) return { later: true as const, files }
    }
    return { files }
  }

  /** The child lets go of a thread in its way, and what that leaves on the disk is removed. `files` is how many went. */
  async function dispose({ called, id, path, via }: Doomed): Promise<{ kept: boolean; files: number }> {
    const before = await filesOf({ id, path })
    const deletion = await via.deleteThread(called)
    const left = await filesOf({ id, path: null }, deletion === "files" ? undefined : SNAPSHOTS)
    const kept = deletion === "kept"
    const files = await removeFiles(kept ? left : [...before, ...left])
    return { kept, files: kept ? 0 : files }
  }

  /** Everywhere in Codex's home, or only on some shelves. */
  async function filesOf({ id, path }: FormerThread, shelves?: readonly string[]): Promise<string[]> {
    if (codexHome === undefined) return []
    return findThreadFiles({ codexHome, ids: [id], path: path ?? undefined, ...(shelves && { shelves }) })
  }

  /** Whatever the child says, or if it dies: what a person deleted doesn't stay on the disk. */
  async function removeAnyhow(row: OutboxRow) {
    let files = 0
    for (const { called, id, path, via } of threadsOf(row)) {
      await via.letGo(called).catch(() => {})
      files += await removeFiles(await filesOf({ id, path }))
    }
    return { files }
  }

  return {
    ready: () => codex.isReady(),
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
    giveUp: async (row) => (row.act === "delete" ? removeAnyhow(row) : {}),
  }
}
