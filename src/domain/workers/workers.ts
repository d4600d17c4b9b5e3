// What a session that works as an agent was made with, and what it was told before its first job; kept over restarts, so that
// it is told once. Whom it works for is the projects' to say.

import type { Db, Reader, Tx } from "../../base/storage/port.ts"
import { forgetWorker, readLesson, readStamp, writeLesson, writeStamp } from "./store.ts"

export function createWorkerBook({ db }: { db: Db }) {
  return {
    /** A hash of what its thread was made with. */
    stampOf: (sessionId: string, reader: Reader = db): string | undefined => readStamp(reader, sessionId),
    stamp: (tx: Tx, sessionId: string, stamp: string): void => writeStamp(tx, sessionId, stamp),
    /** It was told exactly this under that key. */
    knows: (sessionId: string, { key, hash }: Lesson): boolean => readLesson(db, sessionId, key) === hash,
    learned: (tx: Tx, sessionId: string, lesson: Lesson): void => writeLesson(tx, sessionId, lesson),
    /** Its session is gone. */
    forget: (tx: Tx, sessionId: string): void => forgetWorker(tx, sessionId),
  }
}
export type WorkerBook = ReturnType<typeof createWorkerBook>

export interface Lesson {
  key: string
  /** Of its text. */
  hash: string
}
