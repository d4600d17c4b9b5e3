// A thread's turns as the child keeps them, read in the way that its binary has.

import { Fault } from "../../../base/fault.ts"
import { isBlankThread } from "../protocol/faults.ts"

export interface RawTurn {
  id: string
  status?: string
  error?: unknown
  items?: { id: string; type: string; [key: string]: unknown }[]
  startedAt?: number | null
  completedAt?: number | null
}

export interface Reading {
  call<T>(method: string, params: unknown, about?: Record<string, unknown>): Promise<T>
  listsTurns: boolean
}

/** Every turn, oldest first; none for a thread that has no history yet. */
export async function readHistory({ call, listsTurns }: Reading, threadId: string): Promise<RawTurn[]> {
  const about = { sessionId: threadId }
  try {
    if (!listsTurns) {
      const params = { threadId, includeTurns: true }
      return (await call<{ thread: { turns?: RawTurn[] } }>("thread/read", params, about)).thread.turns ?? []
    }
    const turns: RawTurn[] = []
    let cursor: string | null = null
    do {
      const params = { threadId, cursor, limit: 100, sortDirection: "asc", itemsView: "full" }
      const page: { data: RawTurn[]; nextCursor: string | null } = await call(
        "thread/turns/list",
        params,
        about,
      )
      turns.push(...page.data)
      cursor = page.nextCursor
    } while (cursor !== null)
    return turns
  } catch (error) {
    if (
      error instanceof Fault &&
      (isBlankThread(error.message) ||
        /not materialized|list_turns is not supported|no rollout found/i.test(error.message))
    )
      return []
    throw error
  }
}
