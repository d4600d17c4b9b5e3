// One connection by server-sent events, read with `fetch`, so that a token can be sent from a browser too. What isn't read
// isn't taken off the network: a slow reader is cut by the server and comes back.

import { watchdog } from "./timers.ts"
import { type Connecting, type Heard, headersOf, refuse, urlOf, WITH_COOKIE } from "./wire.ts"

/** The server says something every 15 s. */
const SILENCE_MS = 45_000

/** Ends when the server ends it; throws when it can't be had or breaks. RefusedError: it never will be. */
export async function* hearEvents(connecting: Connecting): AsyncGenerator<Heard> {
  const { target, signal } = connecting
  const off = new AbortController()
  const abort = () => off.abort()
  signal.addEventListener("abort", abort)
  using dog = watchdog(SILENCE_MS, abort)
  try {
    const ask = target.fetch ?? fetch
    const headers = { ...headersOf(target), accept: "text/event-stream" }
    const response = await ask(urlOf("/api/events", connecting), {
      headers,
      ...WITH_COOKIE,
      signal: off.signal,
    })
    await refuse(response)
    if (!response.ok || !response.body) throw new Error(`the server answered ${response.status}`)
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    let rest = ""
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return
      dog.heard()
      const blocks = (rest + value).split("\n\n")
      rest = blocks.pop() ?? ""
      for (const block of blocks) yield heardOf(block)
    }
  } finally {
    signal.removeEventListener("abort", abort)
    off.abort()
  }
}

/** An id without data only moves the place. */
function heardOf(block: string): Heard {
  let text: string | undefined
  let place: string | undefined
  for (const line of block.split("\n")) {
    if (line.startsWith("data: ")) text = text === undefined ? line.slice(6) : `${text}\n${line.slice(6)}`
    else if (line.startsWith("id: ")) place = line.slice(4)
  }
  return { text, place }
}
