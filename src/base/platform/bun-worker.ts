// A thread of its own on Bun.

import type { WorkerThread } from "./port.ts"

/** Starts the module at `url` in a Worker. An error that it doesn't catch ends it, with its message as the reason. */
export function startBunWorker(url: URL): WorkerThread {
  const worker = new Worker(url.href)
  let reason: string | undefined
  const closed = new Promise<void>((resolve) => {
    worker.addEventListener("close", () => resolve())
  })
  worker.addEventListener("error", (event) => {
    reason ??= event.message
    worker.terminate()
  })
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (hear) => worker.addEventListener("message", (event) => hear(event.data)),
    onExit: (hear) => void closed.then(() => hear(reason)),
    async terminate() {
      worker.terminate()
      await closed
    },
  }
}
