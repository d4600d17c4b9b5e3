// Somebody's webhook: it answers 503 to the first call and 204 to the others, and remembers what it got.

import { within } from "./daemon.ts"

export interface Call {
  id: string
  stamp: string
  signature: string
  body: string
}

export function openWebhook() {
  const got: Call[] = []
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request: Request) {
      const header = (name: string) => request.headers.get(`webhook-${name}`) ?? ""
      const call = { id: header("id"), stamp: header("timestamp"), signature: header("signature") }
      got.push({ ...call, body: await request.text() })
      return new Response(null, { status: got.length === 1 ? 503 : 204 })
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}/hook`,
    /** Once it was called so often. */
    until(count: number): Promise<Call[]> {
      const look = async () => {
        while (got.length < count) await new Promise((resolve) => setImmediate(resolve))
        return got
      }
      return within(look(), () => `the webhook heard ${JSON.stringify(got)}`)
    },
    close: () => server.stop(true),
  }
}
