// A thread of its own on Node.

import { Worker } from "node:worker_threads"
import type { WorkerThread } from "./port.ts"

/** Starts the module at `url` in a worker thread. An error that it doesn't catch ends it, with its message as the reason. */
export function startNodeWorker(url: URL): WorkerThread {
  const worker = new Worker(url)
  let reason: string | undefined
  worker.on("error", (error) => {
    reason ??= error instanceof Error ? error.message : String(error)
  })
  const exited = new Promise<void>((resolve) => {
    worker.on("exit", () => resolve())
  })
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (hear) => void worker.on("message", hear),
    onExit: (hear) => void exited.then(() => hear(reason)),
    async terminate() {
      await worker.terminate()
    },
  }
}
