// What waits for the child's stdin: one write at a time, in order, and what gathered meanwhile goes out as one.

import { PeerFailure } from "./wire.ts"

export interface Posted {
  /** Resolves when the pipe took the text. */
  taken: Promise<void>
  /** Takes the text back. False when writing has begun: it may arrive. `taken` then rejects as `aborted`. */
  withdraw(): boolean
}

export interface Outbox {
  /** "bounded" is refused as `overloaded` while too much waits. */
  put(text: string, limit: "bounded" | "always"): Posted
  /** Rejects what waits with `gone`; what was being written may have arrived. */
  close(reason: string): void
}

interface Waiting {
  text: string
  resolve(): void
  reject(error: Error): void
}

/** `limit`: characters that may wait; a text may exceed it only when nothing else waits. */
export function createOutbox(send: (text: string) => Promise<void>, limit: number): Outbox {
  let queue = new Set<Waiting>()
  let queued = 0
  let writing: Waiting[] | undefined
  let closed: string | undefined
  let broken = false

  const failAll = (waiting: Iterable<Waiting>, reason: string, maybeWritten: boolean) => {
    for (const w of waiting) w.reject(new PeerFailure("gone", reason, maybeWritten))
  }
  const takeAll = (): Waiting[] => {
    const all = [...queue]
    queue = new Set()
    queued = 0
    return all
  }

  const write = () => {
    if (writing || broken || queue.size === 0 || closed !== undefined) return
    const batch = takeAll()
    writing = batch
    send(batch.length === 1 ? (batch[0]?.text ?? "") : batch.map((w) => w.text).join("")).then(
      () => {
        writing = undefined
        for (const w of batch) w.resolve()
        write()
      },
      (error: unknown) => {
        writing = undefined
        failAll(batch, `the child's stdin took no more: ${messageOf(error)}`, true)
        // What follows a line that was cut off could not be read, and a sink of Bun's says yes to it all the same: it waits
        // for the child's end, which is near, and was never written.
        broken = true
      },
    )
  }

  const withdraw = (waiting: Waiting): boolean => {
    if (!queue.delete(waiting)) return false
    queued -= waiting.text.length
    waiting.reject(new PeerFailure("aborted", "it was withdrawn before it was written", false))
    return true
  }

  const close = (reason: string) => {
    if (closed !== undefined) return
    closed = reason
    failAll(takeAll(), reason, false)
    if (writing) failAll(writing, reason, true)
  }

  return {
    put(text, bound) {
      if (closed !== undefined) return refused(new PeerFailure("gone", closed, false))
      if (bound === "bounded" && queued > 0 && queued + text.length > limit) {
        return refused(new PeerFailure("overloaded", "too much waits for the child's stdin", false))
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const waiting: Waiting = { text, resolve, reject }
      queue.add(waiting)
      queued += text.length
      write()
      return { taken: promise, withdraw: () => withdraw(waiting) }
    },
    close,
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** It never waited, so nothing of it can leave. */
const refused = (error: PeerFailure): Posted => ({ taken: Promise.reject(error), withdraw: () => true })
