// The stream as one thing that goes on: it comes back by itself, at the place of the last frame that was handed out, and
// says whether that was a resume or a gap.

import { backoffMs } from "../base/kit/backoff.ts"
import { hearEvents } from "./events.ts"
import { hearSocket, sendsHeaders, takesHeaders } from "./socket.ts"
import { pause } from "./timers.ts"
import { type Filter, type Frame, type Ready, RefusedError, type Target, type Told } from "./wire.ts"

export interface StreamOptions extends Filter {
  /** `LOG.SEQ`, as `place` of an earlier frame says: first what came after it. */
  since?: string | undefined
  /** Default: a websocket, but server-sent events where a browser has to send a token. */
  transport?: "socket" | "events" | undefined
  signal?: AbortSignal | undefined
}

const BACKOFF = { firstMs: 500, capMs: 10_000, jitter: 0.5 }

/** Everything that is told, until the loop over it ends or the signal aborts. Throws RefusedError where no coming back helps. */
export async function* openStream(target: Target, options: StreamOptions = {}): AsyncGenerator<Told> {
  const { transport = defaultTransport(target), threadId, families } = options
  const hear = transport === "socket" ? hearSocket : hearEvents
  const off = new AbortController()
  const abort = () => off.abort()
  if (options.signal?.aborted) return
  options.signal?.addEventListener("abort", abort)
  let since = options.since
  let again = false
  let log = ""
  try {
    for (let failures = 0; !off.signal.aborted; ) {
      let reason = "the connection ended"
      try {
        const connection = hear({ target, filter: { threadId, families }, since, signal: off.signal })
        for await (const { text, place } of connection) {
          if (text !== undefined) {
            const said = JSON.parse(text) as Frame | Ready
            if (said.type === "ready") {
              const ready = said as Ready
              log = ready.log
              failures = 0
              // Live from its head on: what comes back after a gap begins there.
              if (since === undefined || ready.resume === "gap") since = ready.head
              yield { kind: "ready", ready, again }
              again = true
            } else if ("seq" in said) {
              since = `${log}.${said.seq}`
              yield { kind: "frame", frame: said, place: since }
            }
          } else if (place !== undefined) since = place
        }
      } catch (error) {
        if (off.signal.aborted) return
        if (error instanceof RefusedError) throw error
        reason = error instanceof Error ? error.message : String(error)
      }
      if (off.signal.aborted) return
      const retryMs = backoffMs(BACKOFF, ++failures)
      yield { kind: "lost", reason, retryMs }
      await pause(retryMs, off.signal)
    }
  } finally {
    options.signal?.removeEventListener("abort", abort)
    off.abort()
  }
}

export interface Hearer {
  onFrame(frame: Frame, place: string): void
  onReady?(ready: Ready, again: boolean): void
  onLost?(reason: string, retryMs: number): void
  /** It is over: refused, or a hearer threw. */
  onError?(error: unknown): void
}

/** The same by callbacks, until disposed. */
export function listen(target: Target, options: StreamOptions, hearer: Hearer): Disposable {
  const off = new AbortController()
  options.signal?.addEventListener("abort", () => off.abort(), { signal: off.signal })
  const run = async () => {
    for await (const told of openStream(target, { ...options, signal: off.signal })) {
      if (told.kind === "frame") hearer.onFrame(told.frame, told.place)
      else if (told.kind === "ready") hearer.onReady?.(told.ready, told.again)
      else hearer.onLost?.(told.reason, told.retryMs)
    }
  }
  run().catch((error: unknown) => hearer.onError?.(error))
  return { [Symbol.dispose]: () => off.abort() }
}

const defaultTransport = (target: Target): "socket" | "events" =>
  sendsHeaders(target) && !takesHeaders() ? "events" : "socket"
