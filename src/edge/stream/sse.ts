// The same stream as server-sent events, for clients without websockets: `data` is the frame, `id` is LOGID.SEQ, so that
// Last-Event-ID resumes. A reader may lag behind by `maxLagBytes`, then its answer ends after a contiguous prefix.

import type { Clock } from "../../base/kit/clock.ts"
import { TIMERS } from "../../base/kit/timers.ts"
import type { Peer } from "../../base/platform/port.ts"
import type { Hub } from "./hub.ts"
import type { Listener, Outlet, Wish } from "./listener.ts"
import { noRoom, type Pass } from "./pass.ts"
import { parseQuery } from "./wire/query.ts"

export interface EventsNeeds {
  hub: Hub
  clock: Clock
  /** The log's id, which makes a seq an event id. */
  logId: string
  maxLagBytes: number
}

interface Reader {
  peer: Peer
  wish: Wish
  since: string | undefined
  pass: Pass | undefined
}

const RETRY_MS = 1_000
/** Length of a chunk, and of what may wait before a replay pauses. */
const ROOM = 64 * 1024

export function createEvents({ hub, clock, logId, maxLagBytes }: EventsNeeds) {
  /** Answers `GET /api/events`; an unknown family throws fault `invalid_request`. */
  const openEvents = (request: Request, peer: Peer, pass?: Pass): Response => {
    const { wish, since } = parseQuery(request.url)
    if (!hub.hasRoom()) throw noRoom()
    peer.holdOpen()
    const from = request.headers.get("last-event-id") || since
    const body = new ReadableStream<Uint8Array>(
      source({ peer, wish, since: from, pass }),
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

  const source = ({ peer, wish, since, pass }: Reader): UnderlyingDefaultSource<Uint8Array> => {
    const encoder = new TextEncoder()
    let listener: Listener | undefined
    let heartbeat: Disposable | undefined
    let held: Disposable | undefined
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined
    let waiting: string[] = []
    let lag = 0
    let ended = false

    /** Hands on what waits, as far as the reader has room; frames of one tick go as one chunk. */
    const flush = () => {
      while (!ended && waiting.length > 0 && (controller?.desiredSize ?? 0) > 0) {
        const chunk = cutChunk(waiting)
        lag -= chunk.length
        controller?.enqueue(encoder.encode(chunk))
      }
    }
    const write = (text: string): boolean => {
      if (lag > maxLagBytes) giveUp()
      if (ended) return false
      if (waiting.length === 0) queueMicrotask(flush)
      waiting.push(text)
      lag += text.length
      return lag < ROOM
    }
    const end = () => {
      ended = true
      waiting = []
      lag = 0
      heartbeat?.[Symbol.dispose]()
      held?.[Symbol.dispose]()
    }
    // One that never reads the end would keep its connection for ever.
    const part = () => {
      controller?.close()
      peer.letGo(TIMERS.ssePartingMs)
    }
    // The reader is left with what it has room for: whole frames without a hole.
    const giveUp = () => {
      end()
      if (listener !== undefined) hub.tooSlow(listener)
      part()
    }
    const outlet: Outlet = {
      kind: "events",
      send: (text, seq) => write(seq === 0 ? `data: ${text}\n\n` : `id: ${logId}.${seq}\ndata: ${text}\n\n`),
      lag: () => lag,
      cut() {
        if (ended) return
        if (waiting.length > 0) controller?.enqueue(encoder.encode(waiting.join("")))
        end()
        part()
      },
    }

    const start = (own: ReadableStreamDefaultController<Uint8Array>) => {
      controller = own
      write(`retry: ${RETRY_MS}\n\n`)
      const joined = hub.join(outlet, wish, since)
      listener = joined
      held = pass?.whileHeld(() => hub.expel(joined))
      // An id without data moves the reader's Last-Event-ID and shows nothing: one that hears little comes back without a
      // gap, though the last frame it saw is long out of the log.
      const beat = () =>
        write(listener?.replay === undefined ? `: beat\nid: ${hub.headId()}\n\n` : ": beat\n\n")
      if (listener.replay === undefined) beat()
      heartbeat = clock.every(TIMERS.sseHeartbeatMs, beat)
    }
    return {
      start,
      pull() {
        flush()
        if (waiting.length === 0 && listener !== undefined) hub.drained(listener)
      },
      cancel() {
        end()
        if (listener !== undefined) hub.left(listener, false)
      },
    }
  }
  return { openEvents }
}

/** Takes frames off the front, about a chunk's worth. */
function cutChunk(waiting: string[]): string {
  let count = 0
  for (let length = 0; count < waiting.length && length < ROOM; count++) length += waiting[count]?.length ?? 0
  return waiting.splice(0, count).join("")
}

export type Events = ReturnType<typeof createEvents>
