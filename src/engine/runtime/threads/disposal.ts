// A thread's name and its end in the child: named, archived, brought back, deleted, in the way that its binary has.

import { isFault } from "../../../base/fault.ts"

export interface DisposalNeeds {
  call<T>(method: string, params: unknown, about?: Record<string, unknown>): Promise<T>
  /** Of the binary that runs. */
  deletesThreads(): boolean
  /** The child has not loaded it any more. */
  unloaded(threadId: string): void
}

/**
 * `deleted`: the child did it. `files`: the binary can't, the thread is unloaded and its files are ours to remove.
 * `kept`: the child holds on to it, because a fork's history refers to it or another process writes it.
 */
export type Deletion = "deleted" | "files" | "kept"

export function createDisposal({ call, deletesThreads, unloaded }: DisposalNeeds) {
  const ask = (method: string, threadId: string, more: object = {}): Promise<unknown> =>
    call(method, { threadId, ...more }, { sessionId: threadId })

  /** An archived thread is unloaded by every binary, and its turn ended. */
  async function archiveThread(threadId: string): Promise<void> {
    await ask("thread/archive", threadId)
    unloaded(threadId)
  }

  /** Binaries without `thread/delete` let go of a thread when they archive it: only then are its files nobody's. */
  async function letGo(threadId: string): Promise<Deletion> {
    try {
      await archiveThread(threadId)
    } catch (error) {
      if (!isFault(error, "not_found")) throw error
    }
    return "files"
  }

  return {
    archiveThread,
    letGo,
    unarchiveThread: (threadId: string) => ask("thread/unarchive", threadId),
    nameThread: (threadId: string, name: string) => ask("thread/name/set", threadId, { name }),
    async deleteThread(threadId: string): Promise<Deletion> {
      if (!deletesThreads()) return letGo(threadId)
      try {
        await ask("thread/delete", threadId)
      } catch (error) {
        if (isFault(error, "method_not_supported")) return letGo(threadId)
        if (isFault(error, "invalid_state")) return "kept"
        if (!isFault(error, "not_found")) throw error
      }
      unloaded(threadId)
      return "deleted"
    },
  }
}
