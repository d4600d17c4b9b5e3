// What waits for the child's stdin: one write at a time, in order, and what gathered meanwhile goes out as one.

import { PeerFailure } from "./wire.ts"

export interface Outbox {
  /**
   * Resolves when the pipe took the text. "bounded" is refused as `overloaded` while too much waits. `onStart` is called
   * when writing begins: until then it is certain that nothing left.
   */
  put(text: string, limit: "bounded" | "always", onStart?: () => void): Promise<void>
  /** Rejects what waits with `gone`; what was being written may have arrived. */
  close(reason: string): void
}

interface Waiting {
  text: string
  onStart: (() => void) | undefined
  resolve(): void
  reject(error: Error): void
}

/** `limit`: characters that may wait; a text may exceed it only when nothing else waits. */
export function createOutbox(send: (text: string) => Promise<void>, limit: number): Outbox {
  let queue: Waiting[] = []
  let queued = 0
  let writing: Waiting[] | undefined
  let closed: string | undefined

  const failAll = (waiting: Waiting[], reason: string, maybeWritten: boolean) => {
    for (const w of waiting) w.reject(new PeerFailure("gone", reason, maybeWritten))
  }

  const write = () => {
    if (writing || queue.length === 0 || closed !== undefined) return
    const batch = queue
    writing = batch
    queue = []
    queued = 0
    for (const w of batch) w.onStart?.()
    send(batch.length === 1 ? (batch[0]?.text ?? "") : batch.map((w) => w.text).join("")).then(
      () => {
        writing = undefined
        for (const w of batch) w.resolve()
        write()
      },
      (error: unknown) => {
        writing = undefined
        failAll(
          batch,
          `the child's stdin took no more: ${error instanceof Error ? error.message : error}`,
          true,
        )
        write()
      },
    )
  }

  return {
    put(text, bound, onStart) {
      if (closed !== undefined) return Promise.reject(new PeerFailure("gone", closed, false))
      if (bound === "bounded" && queued > 0 && queued + text.length > limit) {
        return Promise.reject(new PeerFailure("overloaded", "too much waits for the child's stdin", false))
      }
      return new Promise((resolve, reject) => {
        queue.push({ text, onStart, resolve, reject })
        queued += text.length
        write()
      })
    },
    close(reason) {
      if (closed !== undefined) return
      closed = reason
      const waiting = queue
      queue = []
      queued = 0
      failAll(waiting, reason, false)
      if (writing) failAll(writing, reason, true)
    },
  }
}
