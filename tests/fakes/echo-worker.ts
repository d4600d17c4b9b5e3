// A worker that answers what it is told, dies of an error, or loops for ever.

import { parentPort } from "node:worker_threads"

parentPort?.on("message", (message: { say?: unknown; do?: "throw" | "loop" }) => {
  if (message.do === "throw") throw new Error("thrown in the worker")
  if (message.do === "loop") for (;;);
  parentPort?.postMessage({ said: message.say })
})
