// One HTTP request over a unix socket, for our own commands. node:http speaks it on Bun and on Node.

import { httpModule } from "./slow-modules.ts"

export interface Call {
  /** Of the unix socket. */
  path: string
  method: string
  /** Path and query. */
  target: string
  headers?: Record<string, string>
  body?: string
}
export interface CallAnswer {
  status: number
  text: string
}

/** Rejects with a `code` such as ENOENT or ECONNREFUSED where nobody listens. */
export function callOver({ path, method, target, headers = {}, body }: Call): Promise<CallAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<CallAnswer>()
  const typed = body === undefined ? {} : { "content-type": "application/json" }
  const all = { host: "localhost", ...typed, ...headers }
  const outgoing = httpModule().request(
    { socketPath: path, method, path: target, headers: all, agent: false },
    (incoming) => {
      const chunks: Uint8Array[] = []
      incoming.on("data", (chunk: Uint8Array) => chunks.push(chunk))
      incoming.on("error", reject)
      incoming.on("end", () =>
        resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      )
    },
  )
  outgoing.on("error", reject)
  outgoing.end(body)
  return promise
}
