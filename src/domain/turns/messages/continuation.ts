// A turn of the daemon's own, in a session's lane like every message: started when no other runs, never joined to one. What it
// means is committed before a word of it leaves, and never repeated by itself.

import { Fault, isFault } from "../../../base/fault.ts"
import type { Lanes } from "../../../base/kit/lanes.ts"
import type { Db, Tx } from "../../../base/storage/port.ts"
import type { ControlsRoom } from "../../controls/controls.ts"
import { mayBeDone, type RunsTurns } from "../child.ts"
import type { Ledger } from "../ledger.ts"
import type { Rollbacks } from "../rollbacks.ts"
import { activeTurn, readTurn } from "../store.ts"

export interface ContinuationNeeds {
  db: Db
  controls: ControlsRoom
  ledger: Ledger
  lanes: Lanes
  codex: RunsTurns
  rollbacks: Pick<Rollbacks, "settle">
  refuseDraining(): void
  refuseDeleted(sessionId: string): void
}

export interface Continuation {
  clientId: string
  /** The turn's text, and that it is sent, in one act; undefined when there is nothing to say any more. */
  reserve(tx: Tx): string | undefined
  /** The turn is heard of for the first time. */
  begun(tx: Tx, turnId: string): void
}

export function createContinuation(needs: ContinuationNeeds) {
  const { db, controls, ledger, lanes, codex, rollbacks, refuseDraining, refuseDeleted } = needs

  /**
   * `busy` while another turn runs: come again at its end. Throws what the child refuses; what is thrown before `reserve` ran
   * changed nothing, and what is thrown after it may have been done.
   */
  const carryOn = (sessionId: string, turn: Continuation): Promise<"busy" | "done"> =>
    lanes.run(sessionId, async () => {
      refuseDraining()
      refuseDeleted(sessionId)
      await rollbacks.settle(sessionId)
      if (activeTurn(db, sessionId)) return "busy"
      await ledger.isSure(sessionId, () => codex.findMessage(sessionId, ""))
      if (activeTurn(db, sessionId)) return "busy"
      const tuple = controls.of(sessionId)
      await codex.loadThread(sessionId, tuple)
      const text = await db.act((tx) => turn.reserve(tx))
      if (text === undefined) return "done"
      using _place = ledger.reserve(sessionId, { kind: "message", controls: tuple, onOpen: turn.begun })
      const start = { threadId: sessionId, text, controls: tuple, clientId: turn.clientId }
      const { turnId, runId } = await codex.startTurn(start).catch((error: unknown) => {
        if (isFault(error, "codex_timeout") && mayBeDone(error)) ledger.doubt(sessionId)
        throw error
      })
      await db.act((tx) => {
        if (!readTurn(tx, sessionId, turnId) && !codex.lives(runId))
          throw new Fault("runtime_unavailable", "the app-server ended as the turn began")
        ledger.open(tx, { sessionId, id: turnId, runId })
        ledger.hear(tx, { sessionId, id: turnId }, text)
      })
      return "done"
    })

  return { carryOn }
}
