// Who listens to what. Live frames go out by topic, each text made once, whoever is slow; a listener that comes back with
// a seq is first shown what the log kept (replay.ts) and joins the live topics in the tick in which nothing is left.
// Every listener sees the frames that §2.2 of the wire contract gives it, in order, each once, without a hole.

import type { LoggedEvent } from "../../base/events/event.ts"
import type { Log } from "../../base/events/log.ts"
import { FRAMES_PER_EVENT, seqOf } from "../../base/events/replay.ts"
import type { Clock } from "../../base/kit/clock.ts"
import type { Platform } from "../../base/platform/port.ts"
import { createBoards } from "./boards.ts"
import type { Listener, Outlet, Wish } from "./listener.ts"
import { ENDED_PASS } from "./pass.ts"
import { createReplays } from "./replay.ts"
import { createFraming, type Frame, placeOf } from "./wire/frames.ts"

export interface HubNeeds {
  log: Log
  platform: Pick<Platform, "publish">
  clock: Clock
  /** Told of an event that could not be made into frames: a bug, and no reason to leave the others without theirs. */
  onError: (error: unknown) => void
  /** How many may listen at a time. */
  mostListeners?: number
}

export interface HubStats {
  listeners: { socket: number; events: number }
  /** Listeners that are still being shown the past. */
  replaying: number
  /** Frames handed out, one per listener and frame. */
  frames: number
  /** Length of those, in UTF-16 units: for ASCII the bytes. */
  bytes: number
  /** Listeners that we cut: too slow on server-sent events, or overtaken by retention in a replay. */
  cuts: number
  /** Sockets that ended without a close frame: cut by the platform for lagging, or gone with their network. */
  lost: number
}

export function createHub({ log, platform, clock, onError, mostListeners = Infinity }: HubNeeds) {
  const listeners = new Set<Listener>()
  const count = { frames: 0, bytes: 0, cuts: 0, lost: 0 }
  const framing = createFraming()
  const boards = createBoards()

  const cut = (listener: Listener, code: number, reason: string) => {
    leave(listener)
    listener.outlet.cut(code, reason)
  }
  const overtaken = (listener: Listener) => {
    count.cuts++
    cut(listener, 1013, "overtaken by the log, come back with your last seq")
  }
  const sent = (text: string, times: number) => {
    count.frames += times
    count.bytes += text.length * times
  }
  const replays = createReplays({ log, clock, framing, sent, overtaken, live: boards.join, onError })

  const tell = (frame: Frame, thread: string | null) => {
    let text: string | undefined
    for (const topic of boards.topicsOf(frame, thread)) {
      text ??= frame.text()
      if (topic.sockets > 0) platform.publish(topic.name, text)
      for (const outlet of topic.sinks) outlet.send(text, frame.seq)
      sent(text, topic.sockets + topic.sinks.size)
    }
  }
  const hear = (events: LoggedEvent[]) => {
    replays.noteUnstored(events)
    for (const event of events) {
      const wanted = boards.wanted(event.thread)
      if (wanted === 0) continue
      try {
        for (const frame of framing.framesOf(event, wanted)) tell(frame, event.thread)
      } catch (error) {
        onError(error)
      }
    }
  }
  const hearing = log.onTold(hear)

  const leave = (listener: Listener) => {
    if (!listeners.delete(listener)) return
    listener.gone = true
    if (listener.replay === undefined) boards.leave(listener)
    else replays.drop(listener)
  }

  /** Sends `ready`, then what the log has kept after `since`, then what happens. Without `since`, only what happens. */
  const join = (outlet: Outlet, wish: Wish, since: string | undefined): Listener => {
    const place = since === undefined ? undefined : placeOf(since, wish.families)
    const found = log.resume(place, { thread: wish.thread })
    const listener: Listener = { outlet, wish, gone: false, replay: undefined }
    listeners.add(listener)
    outlet.send(readyFrame(wish.thread, found), 0)
    if (place === undefined || found.from === null || found.from >= log.head()) boards.join(listener)
    else replays.begin(listener, found.from, seqIn(place))
    return listener
  }

  return {
    join,
    /** Replaces what a listener wants. A replay under way goes on from what has been sent. */
    want(listener: Listener, wish: Wish) {
      if (listener.gone) return
      const live = listener.replay === undefined
      if (live) boards.leave(listener)
      listener.wish = wish
      if (live) boards.join(listener)
    },
    /** The outlet takes more again. */
    drained: (listener: Listener) => replays.drained(listener),
    /** The other side has gone; `lost` when it said no goodbye. */
    left(listener: Listener, lost: boolean) {
      if (listener.gone) return
      if (lost) count.lost++
      leave(listener)
    },
    /** Ends a listener that may listen no longer. */
    expel(listener: Listener) {
      if (!listener.gone) cut(listener, ...ENDED_PASS)
    },
    /** True while there is room for one more. */
    hasRoom: () => listeners.size < mostListeners,
    /** An outlet that cut itself, its listener being too slow. */
    tooSlow(listener: Listener) {
      if (listener.gone) return
      count.cuts++
      leave(listener)
    },
    /** `LOGID.SEQ` behind which a live listener has been told everything. */
    headId: () => `${log.id}.${seqOf(log.head(), FRAMES_PER_EVENT - 1)}`,
    stats(): HubStats {
      const sockets = [...listeners].filter(({ outlet }) => outlet.kind === "socket").length
      return {
        listeners: { socket: sockets, events: listeners.size - sockets },
        replaying: replays.size(),
        ...count,
      }
    },
    /** Bytes that wait for listeners to take them: of all, and of the slowest. */
    lag(): { total: number; most: number } {
      const lags = [...listeners].map(({ outlet }) => outlet.lag())
      return { total: lags.reduce((sum, lag) => sum + lag, 0), most: Math.max(0, ...lags) }
    },
    /** Tells nobody anything any more and closes every listener with 1012: come back, with your last seq. */
    close() {
      hearing[Symbol.dispose]()
      for (const listener of [...listeners]) cut(listener, 1012, "the server is stopping, come back")
    },
  }
}
export type Hub = ReturnType<typeof createHub>

/** The seq of a `LOGID.SEQ` that the log has accepted. */
const seqIn = (since: string): number => Number(since.slice(since.lastIndexOf(".") + 1))

/** The first frame. It has no seq: a client that keeps every seq would skip the rest of a replay that was cut. */
function readyFrame(thread: string | null, found: ReturnType<Log["resume"]>): string {
  const { log, head, resume, missing } = found
  return JSON.stringify({ type: "ready", threadId: thread, log, head, resume, ...(missing && { missing }) })
}
