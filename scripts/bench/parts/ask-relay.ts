// Baseline for requests: a relay without a store. A request of the child is a frame to one topic, a decision by HTTP is a line
// to the child. ask-relay.ts HOME

import { openPipe, type PipeLine, readLines } from "./pipe.ts"

const TOPIC = "all"
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request, at) {
    const id = /^\/api\/approvals\/(\d+)\/decision$/.exec(new URL(request.url).pathname)?.[1]
    if (id === undefined)
      return at.upgrade(request) ? undefined : new Response("a websocket only", { status: 426 })
    const { decision } = (await request.json()) as { decision: string }
    pipe.answer(Number(id), { decision })
    return Response.json({ status: "ok", approvalId: id })
  },
  websocket: {
    open(ws) {
      ws.subscribe(TOPIC)
      ws.sendText('{"type":"ready"}')
    },
    message() {},
  },
})
const pipe = openPipe(process.argv[2] ?? "", () => process.send?.(server.port))
process.on("message", (text) => pipe.begin(String(text)))
process.on("exit", () => pipe.end())
process.on("SIGTERM", () => process.exit(0))

await readLines(pipe.stdout, (lines) => {
  for (const line of lines) {
    const { id, method, params, ...rest } = JSON.parse(line) as PipeLine
    if (id !== undefined && method !== undefined)
      server.publish(
        TOPIC,
        JSON.stringify({ type: "approval", payload: { approvalId: String(id), details: params } }),
      )
    else if (id !== undefined) pipe.hear({ id, ...rest })
  }
})
