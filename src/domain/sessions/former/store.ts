// The former_threads table: threads of the child in whose place another one answers for a session by now. They stay on its
// disk, and must go with the session.

import type { Reader, Tx } from "../../../base/storage/port.ts"

export interface FormerThread {
  /** The child's own id. */
  id: string
  /** Where the child said that it keeps it. */
  path: string | null
}

const PUT = `INSERT INTO former_threads (session_id, thread_id, path) VALUES (?, ?, ?)`
const OF_SESSION = `SELECT thread_id, path FROM former_threads WHERE session_id = ? ORDER BY number DESC`
const FORGET = `DELETE FROM former_threads WHERE session_id = ?`

export const keepFormer = (tx: Tx, sessionId: string, { id, path }: FormerThread): void =>
  void tx.run(PUT, sessionId, id, path)
/** The newest first: each may be what the one after it was made of. */
export const formerThreads = (db: Reader, sessionId: string): FormerThread[] =>
  db.all(OF_SESSION, sessionId).map((row) => ({
    id: row.thread_id as string,
    path: (row.path as string | null) ?? null,
  }))
export const forgetFormer = (tx: Tx, sessionId: string): void => void tx.run(FORGET, sessionId)
