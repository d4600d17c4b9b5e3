// One connection by websocket. What arrives faster than it is read waits here up to a limit; beyond it the connection is
// given up after a contiguous prefix, and the next one begins where that ends.

import { watchdog } from "./timers.ts"
import {
  type Connecting,
  type Heard,
  headersOf,
  RefusedError,
  refuse,
  type Target,
  urlOf,
  WITH_COOKIE,
} from "./wire.ts"

const SILENCE_MS = 60_000
/** Texts that may wait to be read. */
const MOST_WAITING = 10_000
const PING = '{"type":"ping"}'

/** Ends when the connection does; throws when it can't be had. RefusedError: it never will be. */
export async function* hearSocket(connecting: Connecting): AsyncGenerator<Heard> {
  const { signal, target } = connecting
  // Where it would never open, coming back doesn't help.
  if (sendsHeaders(target) && !takesHeaders())
    throw new RefusedError(0, "a browser's websocket sends no headers: use a cookie, or transport `events`")
  const waiting: string[] = []
  let wake = () => {}
  let opened = false
  let over = false
  const socket = openSocket(connecting)
  const end = () => {
    over = true
    wake()
    socket.close()
  }
  using dog = watchdog(SILENCE_MS, end, () => opened && !over && socket.send(PING))
  socket.onopen = () => {
    opened = true
  }
  socket.onmessage = ({ data }) => {
    dog.heard()
    if (over) return
    waiting.push(String(data))
    if (waiting.length > MOST_WAITING) end()
    wake()
  }
  socket.onclose = end
  socket.onerror = end
  signal.addEventListener("abort", end)
  try {
    for (;;) {
      const text = waiting.shift()
      if (text !== undefined) yield { text, place: undefined }
      else if (over) break
      else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
    if (opened || signal.aborted) return
    // A websocket doesn't say why it was refused: the other door does.
    const headers = headersOf(target)
    const url = urlOf("/api/events", connecting)
    const ask = target.fetch ?? fetch
    await refuse(await ask(url, { method: "HEAD", headers, ...WITH_COOKIE, signal }))
    throw new Error("the websocket can't be opened")
  } finally {
    signal.removeEventListener("abort", end)
    end()
  }
}

export const sendsHeaders = (target: Target): boolean => Object.keys(headersOf(target)).length > 0

/** Bun and Node take headers for a websocket, beyond the standard; pages and their workers can't send any. */
export const takesHeaders = (): boolean => /^(Bun|Node\.js)\//.test(globalThis.navigator?.userAgent ?? "")

function openSocket(connecting: Connecting): WebSocket {
  const url = new URL(urlOf("/api/stream", connecting), globalThis.location?.href)
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:"
  const headers = headersOf(connecting.target)
  if (!sendsHeaders(connecting.target)) return new WebSocket(url)
  const Opened = WebSocket as unknown as new (url: URL, options: { headers: object }) => WebSocket
  return new Opened(url, { headers })
}
