// Turns are taken back in the child first, in our ledger after. What was begun is written down before, so that a kill in
// between leaves no turn here that the child has not: the child's history says how it ended, before anything else is asked of it.

import type { Log } from "../../base/events/log.ts"
import type { Clock } from "../../base/kit/clock.ts"
import type { Db, Tx } from "../../base/storage/port.ts"
import type { ControlsRoom } from "../controls/controls.ts"
import { sessionUpdated } from "../events.ts"
import type { Sessions } from "../sessions/sessions.ts"
import type { Transcript } from "../transcript/transcript.ts"
import { mayBeDone, type RunsTurns } from "./child.ts"
import { createRows } from "./rows.ts"
import {
  aliasesOf,
  dropRollback,
  keepRollback,
  readRollback,
  readTurn,
  rollBack,
  rollingBack,
  type Turn,
} from "./store.ts"
import { dropCounts } from "./usage/store.ts"

export interface RollbacksNeeds {
  db: Db
  log: Log
  clock: Clock
  controls: ControlsRoom
  sessions: Pick<Sessions, "find" | "touch" | "audienceOf">
  transcript: Transcript
  codex: RunsTurns
  /** These turns are gone: nobody is asked in them any more. */
  takenBack(tx: Tx, sessionId: string, turnIds: readonly string[]): void
}

export function createRollbacks(needs: RollbacksNeeds) {
  const { db, log, clock, controls, sessions, transcript, codex } = needs
  const sayOf = createRows({ clock, transcript })

  /** The last turns of a session, oldest first. In its lane. */
  async function take(sessionId: string, turns: readonly Turn[], by?: string) {
    const turnIds = turns.map(({ id }) => id)
    try {
      const { via, result } = await codex.takeBack({
        threadId: sessionId,
        turns: turns.map((turn) => ({ ids: [turn.id, ...aliasesOf(db, turn)], kind: turn.kind })),
        controls: controls.of(sessionId),
        begin: (mark) =>
          db.act((tx) => keepRollback(tx, { sessionId, turnIds, mark, createdAt: clock.now(), by })),
      })
      await db.act((tx) => follow(tx, sessionId, { via, turnIds, by }))
      return { via, result, turnIds }
    } catch (error) {
      // What may be done is settled by the child's own word.
      if (!mayBeDone(error)) await settle(sessionId).catch(() => {})
      throw error
    }
  }

  /** What was begun and never heard of is found out. In the session's lane, before anything else is asked of its thread. */
  async function settle(sessionId: string): Promise<void> {
    const begun = readRollback(db, sessionId)
    if (!begun) return
    const { mark, turnIds, by } = begun
    const isDone = await codex.hasTakenBack(sessionId, mark, begun.createdAt)
    await db.act((tx) => {
      if (isDone) follow(tx, sessionId, { via: mark.via, turnIds, by })
      else dropRollback(tx, sessionId)
    })
  }

  /** The child doesn't have them any more. */
  function follow(tx: Tx, sessionId: string, taken: Taken): void {
    dropRollback(tx, sessionId)
    const first = readTurn(tx, sessionId, taken.turnIds[0] ?? "")
    if (!first || first.rolledBackAt !== undefined) return
    needs.takenBack(tx, sessionId, taken.turnIds)
    rollBack(tx, first, clock.now())
    const { via, turnIds } = taken
    // Only these ways take the thread's count of tokens back with it (tried on all four).
    if (via === "thread/revert" || via === "fork") {
      const ids = turnIds.flatMap((id) => [id, ...aliasesOf(tx, { sessionId, id })])
      dropCounts(tx, sessionId, ids)
    }
    const many = turnIds.length === 1 ? "1 turn was" : `${turnIds.length} turns were`
    // In their place it is said what is missing: turns that were taken back are shown nowhere.
    sayOf(tx, sessionId, {
      kind: "rollback",
      type: "thread.rolledBack",
      content: `${many} taken back (${via})`,
      about: { via, turnIds },
      place: first.place,
      by: taken.by,
    })
    sessions.touch(tx, sessionId)
    const session = sessions.find(sessionId, tx)
    if (session) log.append(tx, sessionUpdated(sessions.audienceOf(session), sessionId, ["turns"]))
  }

  return {
    take,
    settle,
    /** Sessions in which one was begun. */
    begun: (): string[] => rollingBack(db),
  }
}
interface Taken {
  via: string
  turnIds: string[]
  by: string | undefined
}
export type Rollbacks = ReturnType<typeof createRollbacks>
