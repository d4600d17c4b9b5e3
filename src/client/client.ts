// The client of this API for TypeScript: every route typed from the daemon's own source, and the stream that comes back by
// itself. Runs in Bun, Node 24 and browsers.

import { hc } from "hono/client"
import type { AppType } from "../edge/http/api.ts"
import { type Hearer, listen, openStream, type StreamOptions } from "./stream.ts"
import { headersOf, type Target, type Told, WITH_COOKIE } from "./wire.ts"

/**
 * `client.api.sessions.$get({query: {}})` and so on: paths as properties, `:sessionId` and its like as `[":sessionId"]` with
 * `param`. Answers are `Response`s whose `json()` is typed.
 */
export function createClient(target: Target) {
  const { fetch: own } = target
  const options = { headers: headersOf(target), init: WITH_COOKIE, ...(own && { fetch: own }) }
  const { api } = hc<AppType>(target.url || "/", options)
  return {
    api,
    /** Everything that happens, for `for await`. */
    stream: (options: StreamOptions = {}): AsyncGenerator<Told> => openStream(target, options),
    /** The same by callbacks. */
    listen: (hearer: Hearer, options: StreamOptions = {}): Disposable => listen(target, options, hearer),
  }
}
export type Client = ReturnType<typeof createClient>
