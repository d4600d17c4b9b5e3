// Shows listeners what the log kept, a page at a time and no faster than they take it, and hands each over to the live
// topics in the tick in which the log has nothing more for it. All replays share a small budget a tick, so that many
// returning listeners don't hold up the live ones.

import type { LoggedEvent } from "../../base/events/event.ts"
import type { Log } from "../../base/events/log.ts"
import type { Clock } from "../../base/kit/clock.ts"
import type { Listener } from "./listener.ts"
import { mayHear } from "./visible.ts"
import type { Framing } from "./wire/frames.ts"

export interface ReplayNeeds {
  log: Log
  clock: Clock
  framing: Framing
  /** Counts what was sent. */
  sent(text: string, times: number): void
  /** The log dropped what this listener had not seen yet: it must come back and be told of the gap. */
  overtaken(listener: Listener): void
  /** Puts a listener on the live topics. */
  live(listener: Listener): void
  onError(error: unknown): void
}

/** One page: small enough to keep a tick short, large enough to catch up with a flood. */
const PAGE = { maxEvents: 256, maxBytes: 256 * 1024 }
/** Characters that are sent on although the outlet has asked for a pause. */
const MAX_WAITING = 512 * 1024
/** Time that replays may take of a tick. */
const BUDGET_MS = 2
/** Events told but never stored are kept for replays under way up to this many characters. */
const MAX_UNSTORED = 8 * 1024 * 1024

export function createReplays({ log, clock, framing, sent, overtaken, live, onError }: ReplayNeeds) {
  const replaying = new Set<Listener>()
  const ready = new Set<Listener>()
  let scheduled = false
  let unstored: LoggedEvent[] = []
  let unstoredSize = 0

  const schedule = () => {
    if (scheduled || ready.size === 0) return
    scheduled = true
    clock.soon(run)
  }
  const run = () => {
    scheduled = false
    const until = clock.mono() + BUDGET_MS
    do {
      const next = ready.values().next().value
      if (next === undefined) break
      // To the back of the row: everybody gets a page before anybody gets two.
      ready.delete(next)
      readPage(next)
    } while (clock.mono() < until)
    schedule()
  }

  const readPage = (listener: Listener) => {
    const { replay, wish } = listener
    if (replay === undefined) return
    const filter = { thread: wish.thread }
    if (log.overtaken(replay.after, filter)) return overtaken(listener)
    const page = log.page(replay.after, filter, PAGE)
    let done = page.done
    let last = page.done ? log.head() : (page.events.at(-1)?.n ?? replay.after)
    let waiting = 0
    for (const event of withUnstored(page.events, replay.after, last)) {
      const flows = show(listener, event)
      if (flows === true) waiting = 0
      else if (flows === false || waiting > 0) waiting += 1 + event.body.length
      if (waiting <= MAX_WAITING) continue
      // A page holds whole ticks and a tick may be large: the rest of it is read again when this is through.
      done = false
      last = event.n
      break
    }
    replay.after = Math.max(replay.after, last)
    if (listener.gone) return
    if (done) {
      drop(listener)
      listener.replay = undefined
      live(listener)
    } else if (waiting === 0) ready.add(listener)
    else replay.waits = true
  }

  /** Sends the frames of one event that this listener may have: whether its outlet has room, undefined for no frames. */
  const show = ({ outlet, wish, replay }: Listener, event: LoggedEvent): boolean | undefined => {
    let flows: boolean | undefined
    try {
      for (const frame of framing.framesOf(event, wish.families)) {
        if (frame.seq <= (replay?.sinceSeq ?? 0) || !mayHear(wish.thread, frame.scope, event.thread)) continue
        const text = frame.text()
        flows = outlet.send(text, frame.seq)
        sent(text, 1)
      }
    } catch (error) {
      onError(error)
    }
    return flows
  }

  /** A page and what was told meanwhile without being stored, by number. */
  const withUnstored = (events: LoggedEvent[], after: number, last: number): LoggedEvent[] => {
    const told = unstored.filter((event) => event.n > after && event.n <= last)
    return told.length === 0 ? events : [...events, ...told].sort((a, b) => a.n - b.n)
  }
  const drop = (listener: Listener) => {
    replaying.delete(listener)
    ready.delete(listener)
    if (replaying.size > 0) return
    unstored = []
    unstoredSize = 0
  }

  return {
    /** Starts showing what came after event `after`, without the frames up to `sinceSeq`. */
    begin(listener: Listener, after: number, sinceSeq: number) {
      listener.replay = { after, sinceSeq, waits: false }
      replaying.add(listener)
      ready.add(listener)
      schedule()
    },
    drained(listener: Listener) {
      const { replay } = listener
      if (replay === undefined || !replay.waits) return
      replay.waits = false
      ready.add(listener)
      schedule()
    },
    drop,
    /** No page will ever have these: listeners in a replay get them from here. */
    noteUnstored(events: LoggedEvent[]) {
      if (replaying.size === 0) return
      for (const event of events) {
        if (event.stored) continue
        unstored.push(event)
        unstoredSize += event.body.length
      }
      if (unstoredSize > MAX_UNSTORED) for (const listener of [...replaying]) overtaken(listener)
    },
    size: () => replaying.size,
  }
}
