// Baseline (b): a relay without a store: the reader, and each line in a frame of the daemon's shape to one topic.
// relay.ts HOME

import { DELTA, END, openPipe, type PipeLine, readLines } from "./pipe.ts"

const TOPIC = "all"
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request, at) =>
    at.upgrade(request) ? undefined : new Response("a websocket only", { status: 426 }),
  websocket: {
    backpressureLimit: 1 << 30,
    open(ws) {
      ws.subscribe(TOPIC)
      ws.sendText('{"type":"ready"}')
    },
    message() {},
  },
})
const pipe = openPipe(process.argv[2] ?? "", () => process.send?.(server.port))
process.on("message", () => pipe.flood())
process.on("exit", () => pipe.end())
process.on("SIGTERM", () => process.exit(0))

let seq = 0
await readLines(pipe.stdout, (lines) => {
  const at = new Date().toISOString()
  for (const line of lines) {
    const message = JSON.parse(line) as PipeLine
    seq += 16
    if (message.method === DELTA || message.method === END)
      server.publish(
        TOPIC,
        `{"type":"notification","threadId":"${message.params?.threadId}","seq":${seq},"at":"${at}","payload":${line}}`,
      )
    else if (message.id !== undefined) pipe.hear(message)
  }
})
