// What touches several rooms at once, one transaction each: a turn's end, and the end of a run of the child.

import type { Log } from "../../base/events/log.ts"
import type { Clock } from "../../base/kit/clock.ts"
import type { Db, Tx } from "../../base/storage/port.ts"
import { notified } from "../../domain/events.ts"
import type { EntryStatus } from "../../domain/transcript/entry.ts"
import type { EndTurn } from "../../domain/turns/ledger.ts"
import type { Turn } from "../../domain/turns/store.ts"
import type { Contexts } from "../ingest/contexts.ts"
import type { Rooms } from "../rooms.ts"
import type { CarryOver } from "./carry.ts"

export interface ActsNeeds {
  db: Db
  rooms: Rooms
  log: Log
  clock: Clock
  contexts: Contexts
  carry: Pick<CarryOver, "wake">
}

type After = (fn: () => void) => void

const OUTCOME = { completed: "complete", interrupted: "canceled", failed: "error" } as const satisfies Record<
  EndTurn["status"],
  EntryStatus
>

export function createActs({ db, rooms, log, clock, contexts, carry }: ActsNeeds) {
  /** A living child says that a turn is over: its rows close, what waited in it expires, the session's order moves. */
  function endTurn(tx: Tx, end: EndTurn, after: After): void {
    const { sessionId, id, status } = end
    const over = conclude(tx, end, after)
    if (over && status === "completed") rooms.offers.completed(tx, sessionId, id)
    for (const turn of over ? [{ id }, ...over] : [])
      rooms.requests.endTurn(tx, { sessionId, turnId: turn.id, reason: `its turn ended: ${status}` })
  }

  /** What every end of a turn means, but for its requests. Answers the phantoms that ended with it; undefined if it had ended. */
  function conclude(tx: Tx, end: EndTurn, after: After): Turn[] | undefined {
    const { sessionId, id, status } = end
    if (!rooms.turns.settle(tx, end)) return undefined
    const turn = rooms.turns.find(sessionId, id, tx)
    rooms.transcript.close(tx, sessionId, id, OUTCOME[status])
    // A compaction alone doesn't put a thread on the child's disk.
    rooms.sessions.touch(tx, sessionId, turn?.kind === "compact" ? {} : { materialized: true })
    rooms.streaming.endAll(sessionId)
    after(() => {
      rooms.transcript.silence(sessionId)
      // Before what is queued: it is older.
      carry.wake(sessionId)
      rooms.turns.ended(sessionId)
      // A thread without a turn could not be named yet.
      rooms.outbox.nudge(sessionId)
    })
    // One turn a thread: what was promised behind it and never began will not begin any more.
    const phantoms = turn ? rooms.turns.phantoms(tx, turn) : []
    return phantoms.flatMap((phantom) => {
      const more = conclude(tx, { sessionId, id: phantom.id, status }, after) ?? []
      tellEnd(tx, phantom, { status, error: null })
      return [phantom, ...more]
    })
  }

  /** The child promised the turn and doesn't know it: it is over before it began. False if it is over by now. */
  async function abandon({ sessionId, id }: Turn): Promise<boolean> {
    const work: (() => void)[] = []
    const done = await db.act((tx) => {
      work.length = 0
      const turn = rooms.turns.find(sessionId, id, tx)
      if (turn?.status !== "inProgress") return false
      endTurn(tx, { sessionId, id, status: "interrupted" }, (fn) => work.push(fn))
      tellEnd(tx, turn, { status: "interrupted", error: null })
      return true
    })
    for (const fn of work) fn()
    return done
  }

  /**
   * The child is gone, or was when we started: its turns are interrupted whatever its own history will say, and what it had
   * asked waits on without it (decisions 18). Clients are told by a `turn/completed` of ours, marked `origin: "codexd"`.
   */
  function endRun(tx: Tx, { runId, reason }: { runId?: string; reason: string }, after: After): void {
    rooms.requests.endRun(tx, { runId, reason })
    for (const turn of rooms.turns.running(tx)) {
      if (runId !== undefined && turn.runId !== undefined && turn.runId !== runId) continue
      const end: EndTurn = {
        sessionId: turn.sessionId,
        id: turn.id,
        status: "interrupted",
        error: JSON.stringify({ message: reason, codexErrorInfo: null, additionalDetails: null }),
      }
      conclude(tx, end, after)
      rooms.sessions.restate(tx, turn.sessionId, { type: "notLoaded" })
      const error = { message: reason, codexErrorInfo: null, additionalDetails: null }
      tellEnd(tx, turn, { status: "interrupted", error })
    }
    after(rooms.turns.gone)
  }

  /** In the child's words, where it doesn't tell it. */
  function tellEnd(tx: Tx, turn: Turn, { status, error }: { status: string; error: object | null }): void {
    const context = contexts.of(tx, turn.sessionId)
    const params = {
      threadId: turn.sessionId,
      turn: {
        id: turn.id,
        items: [],
        status,
        error,
        startedAt: seconds(turn.startedAt),
        completedAt: seconds(clock.now()),
      },
    }
    const raw = JSON.stringify({ method: "turn/completed", params, origin: "codexd" })
    const line = { audience: context.audience, context: contexts.compose(context, turn.id), raw }
    log.append(tx, notified(line, { delta: false, settles: true, stored: true }))
  }

  return { endTurn, endRun, abandon }
}
export type Acts = ReturnType<typeof createActs>

const seconds = (ms: number | undefined): number | null => (ms === undefined ? null : Math.floor(ms / 1000))
