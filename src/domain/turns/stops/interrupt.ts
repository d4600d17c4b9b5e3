// Stops a turn. What the binaries say of a turn that is only promised, or that is a review, is not yet the truth: it is found out
// before anybody hears that there is nothing to stop.

import { Fault, isFault } from "../../../base/fault.ts"
import type { Db } from "../../../base/storage/port.ts"
import type { InterruptTurn, RunsTurns } from "../child.ts"
import type { Ledger } from "../ledger.ts"
import { activeTurn, readTurn, realId, type Turn } from "../store.ts"

export interface InterruptNeeds {
  db: Db
  codex: Pick<RunsTurns, "interruptTurn">
  ledger: Ledger
  /** The turn that a client means. */
  named(sessionId: string, id: string): Turn | undefined
  /** Settles a turn that never began; false if it is over by then. */
  abandon(turn: Turn): Promise<boolean>
}

export function createInterrupt({ db, codex, ledger, named, abandon }: InterruptNeeds) {
  /** Asks the child to stop the turn: the named one, else the running one. Throws `no_active_turn`. */
  async function interrupt(sessionId: string, turnId?: string): Promise<{ turnId: string }> {
    const turn = turnId === undefined ? activeTurn(db, sessionId) : named(sessionId, turnId)
    if (turn?.status !== "inProgress") throw new Fault("no_active_turn", "no turn is running", { sessionId })
    const isSame = (found: string) =>
      realId(db, sessionId, found) === turn.id || (turn.kind === "review" && !readTurn(db, sessionId, found))
    const hadBegun = ledger.hasBegun(turn)
    const stop = () => insist(turn, { threadId: sessionId, turnId: turn.id, isSame })
    // 0.105 never answers when the turn ends first: its end is an answer too.
    const ended = ledger.endOf(sessionId).then(() => {
      if (readTurn(db, sessionId, turn.id)?.status === "interrupted") return
      throw new Fault("no_active_turn", "the turn ended by itself", { sessionId })
    })
    ended.catch(() => {})
    try {
      await Promise.race([stop(), ended])
    } catch (error) {
      if (!isFault(error, "no_active_turn") || hadBegun) throw error
      const begins = await ledger.begins(turn)
      if (!begins && readTurn(db, sessionId, turn.id)?.status !== "inProgress") throw error
      await Promise.race([stop(), ended]).catch((again: unknown) => {
        if (begins || !isFault(again, "no_active_turn")) throw again
        return giveUp(turn, again)
      })
    }
    return { turnId: turn.id }
  }

  /** 0.130 tells a review's first item before it has a turn that can be stopped (tried): asked again at each sign of it. */
  async function insist(turn: Turn, stop: InterruptTurn): Promise<void> {
    for (;;) {
      const more = ledger.sign(turn.sessionId)
      try {
        return await codex.interruptTurn(stop)
      } catch (error) {
        const waits = turn.kind === "review" && isFault(error, "no_active_turn") && ledger.hasBegun(turn)
        if (!waits || !(await more()) || !ledger.hasBegun(turn)) throw error
      }
    }
  }

  /** A promised turn that never began, and of which the child knows nothing: nobody else would ever end it. */
  async function giveUp(turn: Turn, error: unknown): Promise<void> {
    if (ledger.hasBegun(turn) || !(await abandon(turn))) throw error
  }

  return interrupt
}
