// What is known of sessions that work as agents: what their threads were made with, and what they were told.

import type { Reader, Tx } from "../../base/storage/port.ts"

const STAMP = `SELECT stamp FROM workers WHERE session_id = ?`
const PUT = `INSERT INTO workers (session_id, stamp) VALUES (?, ?)
  ON CONFLICT (session_id) DO UPDATE SET stamp = excluded.stamp`
const DROP = `DELETE FROM workers WHERE session_id = ?`
const LESSON = `SELECT text_hash FROM worker_lessons WHERE session_id = ? AND key = ?`
const TEACH = `INSERT INTO worker_lessons (session_id, key, text_hash) VALUES (?, ?, ?)
  ON CONFLICT (session_id, key) DO UPDATE SET text_hash = excluded.text_hash`
const UNLEARN = `DELETE FROM worker_lessons WHERE session_id = ?`

export const readStamp = (db: Reader, sessionId: string): string | undefined =>
  db.get(STAMP, sessionId)?.stamp as string | undefined
export const writeStamp = (tx: Tx, sessionId: string, stamp: string): void =>
  void tx.run(PUT, sessionId, stamp)
export const readLesson = (db: Reader, sessionId: string, key: string): string | undefined =>
  db.get(LESSON, sessionId, key)?.text_hash as string | undefined
export const writeLesson = (tx: Tx, sessionId: string, { key, hash }: { key: string; hash: string }): void =>
  void tx.run(TEACH, sessionId, key, hash)

export function forgetWorker(tx: Tx, sessionId: string): void {
  tx.run(DROP, sessionId)
  tx.run(UNLEARN, sessionId)
}
