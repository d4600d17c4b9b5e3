// The same stream as server-sent events, for clients without websockets: `data` is the frame, `id` is LOGID.SEQ, so that
// Last-Event-ID resumes. A reader may lag behind by `maxLagBytes`, then its answer ends after a contiguous prefix.

import type { Clock } from "../../base/kit/clock.ts"
import { TIMERS } from "../../base/kit/timers.ts"
import type { Peer } from "../../base/platform/port.ts"
import type { Hub } from "./hub.ts"
import type { Listener, Outlet, Wish } from "./listener.ts"
import { parseQuery } from "./query.ts"

export interface EventsNeeds {
  hub: Hub
  clock: Clock
  /** The log's id, which makes a seq an event id. */
  logId: string
  maxLagBytes: number
}

const RETRY_MS = 1_000
/** Bytes that may wait before a replay pauses. */
const ROOM = 64 * 1024

export function createEvents({ hub, clock, logId, maxLagBytes }: EventsNeeds) {
  /** Answers `GET /api/events`; an unknown family throws fault `invalid_request`. */
  const openEvents = (request: Request, peer: Peer): Response => {
    const { wish, since } = parseQuery(request.url)
    peer.holdOpen()
    const from = request.headers.get("last-event-id") || since
    const body = new ReadableStream<Uint8Array>(
      source(wish, from),
      new ByteLengthQueuingStrategy({ highWaterMark: ROOM }),
    )
    return new Response(body, {
      headers: {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
        "x-accel-buffering": "no",
      },
    })
  }

  const source = (wish: Wish, since: string | undefined): UnderlyingDefaultSource<Uint8Array> => {
    const encoder = new TextEncoder()
    let listener: Listener | undefined
    let heartbeat: Disposable | undefined
    let waiting = ""
    let ended = false

    const start = (controller: ReadableStreamDefaultController<Uint8Array>) => {
      // What one tick tells is written as one chunk.
      const flush = () => {
        if (ended || waiting === "") return
        const bytes = encoder.encode(waiting)
        waiting = ""
        controller.enqueue(bytes)
      }
      const write = (text: string): boolean => {
        if (ended) return false
        if (waiting === "") queueMicrotask(flush)
        waiting += text
        const room = (controller.desiredSize ?? 0) - waiting.length
        if (room < -maxLagBytes) giveUp()
        return room > 0
      }
      const giveUp = () => {
        end()
        if (listener !== undefined) hub.tooSlow(listener)
        controller.error(new Error("the reader was too slow"))
      }
      const outlet: Outlet = {
        kind: "events",
        send: (text, seq) =>
          write(seq === 0 ? `data: ${text}\n\n` : `id: ${logId}.${seq}\ndata: ${text}\n\n`),
        cut() {
          if (ended) return
          flush()
          end()
          controller.close()
        },
      }
      write(`retry: ${RETRY_MS}\n\n`)
      listener = hub.join(outlet, wish, since)
      // An id without data moves the reader's Last-Event-ID and shows nothing: one that hears little comes back without a
      // gap, though the last frame it saw is long out of the log.
      const beat = () =>
        write(listener?.replay === undefined ? `: beat\nid: ${hub.headId()}\n\n` : ": beat\n\n")
      if (listener.replay === undefined) beat()
      heartbeat = clock.every(TIMERS.sseHeartbeatMs, beat)
    }
    const end = () => {
      ended = true
      waiting = ""
      heartbeat?.[Symbol.dispose]()
    }

    return {
      start,
      pull() {
        if (listener !== undefined) hub.drained(listener)
      },
      cancel() {
        end()
        if (listener !== undefined) hub.left(listener, false)
      },
    }
  }
  return { openEvents }
}
export type Events = ReturnType<typeof createEvents>
