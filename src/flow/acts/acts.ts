// What touches several rooms at once, one transaction each: a turn's end, and the end of a run of the child.

import type { Log } from "../../base/events/log.ts"
import type { Clock } from "../../base/kit/clock.ts"
import type { Tx } from "../../base/storage/port.ts"
import { notified } from "../../domain/events.ts"
import type { EntryStatus } from "../../domain/transcript/entry.ts"
import type { Turn } from "../../domain/turns/store.ts"
import type { EndTurn } from "../../domain/turns/turns.ts"
import type { Contexts } from "../ingest/contexts.ts"
import type { Rooms } from "../rooms.ts"

export interface ActsNeeds {
  rooms: Rooms
  log: Log
  clock: Clock
  contexts: Contexts
}

type After = (fn: () => void) => void

const OUTCOME = { completed: "complete", interrupted: "canceled", failed: "error" } as const satisfies Record<
  EndTurn["status"],
  EntryStatus
>

export function createActs({ rooms, log, clock, contexts }: ActsNeeds) {
  /** A living child says that a turn is over: its rows close, what waited in it expires, the session's order moves. */
  function endTurn(tx: Tx, end: EndTurn, after: After): void {
    const { sessionId, id, status } = end
    if (!rooms.turns.settle(tx, end)) return
    rooms.transcript.close(tx, sessionId, id, OUTCOME[status])
    const reason = `its turn ended: ${status}`
    rooms.requests.expireWhere(tx, { sessionId, turnId: id }, { reason, claimed: "answered" })
    rooms.sessions.touch(tx, sessionId, { materialized: true })
    rooms.streaming.endAll(sessionId)
    after(() => {
      rooms.transcript.silence(sessionId)
      rooms.turns.ended(sessionId)
    })
  }

  /**
   * The child is gone, or was when we started: its turns are interrupted whatever its own history will say, and what it had
   * asked can't be answered any more. Clients are told by a `turn/completed` of ours, marked `origin: "codexd"`.
   */
  function endRun(tx: Tx, { runId, reason }: { runId?: string; reason: string }, after: After): void {
    const which = runId === undefined ? {} : { runId }
    rooms.requests.expireWhere(tx, which, { reason, claimed: "indeterminate" })
    for (const turn of rooms.turns.running(tx)) {
      if (runId !== undefined && turn.runId !== undefined && turn.runId !== runId) continue
      const end: EndTurn = {
        sessionId: turn.sessionId,
        id: turn.id,
        status: "interrupted",
        error: JSON.stringify({ message: reason, codexErrorInfo: null, additionalDetails: null }),
      }
      endTurn(tx, end, after)
      rooms.sessions.restate(tx, turn.sessionId, { type: "notLoaded" })
      tellInterrupted(tx, turn, reason)
    }
  }

  function tellInterrupted(tx: Tx, turn: Turn, reason: string): void {
    const context = contexts.of(tx, turn.sessionId)
    const params = {
      threadId: turn.sessionId,
      turn: {
        id: turn.id,
        items: [],
        status: "interrupted",
        error: { message: reason, codexErrorInfo: null, additionalDetails: null },
        startedAt: seconds(turn.startedAt),
        completedAt: seconds(clock.now()),
      },
    }
    const raw = JSON.stringify({ method: "turn/completed", params, origin: "codexd" })
    const line = { audience: context.audience, context: contexts.compose(context, turn.id), raw }
    log.append(tx, notified(line, { delta: false, settles: true, stored: true }))
  }

  return { endTurn, endRun }
}
export type Acts = ReturnType<typeof createActs>

const seconds = (ms: number | undefined): number | null => (ms === undefined ? null : Math.floor(ms / 1000))
