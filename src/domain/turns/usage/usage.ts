// The usage ledger. The app-server tells how much a thread has used in all, again and again: at every call, at a resume, a
// rollback and a fork too. What is new since the last time is what was used, once, whoever tells it how often.

import type { Clock } from "../../../base/kit/clock.ts"
import { iso } from "../../../base/kit/clock.ts"
import type { Db, Tx } from "../../../base/storage/port.ts"
import { readTurn } from "../store.ts"
import {
  type AskSums,
  addUse,
  beganHere,
  countsOf,
  lastCount,
  type Sum,
  sumUses,
  writeCount,
} from "./store.ts"
import { difference, isNothing, isSame, NO_TOKENS, type Tokens, tokensOf } from "./tokens.ts"

export interface UsageNeeds {
  db: Db
  clock: Clock
  /** The session's last known thread, as JSON. */
  threadOf(tx: Tx, sessionId: string): string | undefined
}

export interface ToldUsage {
  sessionId: string
  turnId: string
  total: Record<string, unknown>
  last: Record<string, unknown>
}

export interface AskUsage extends Omit<AskSums, "imported"> {
  includeImported: boolean
  limit: number
  offset: number
}

/** Of a thread whose model nobody told. */
const UNKNOWN = "unknown"

export function createUsage({ db, clock, threadOf }: UsageNeeds) {
  /** Threads that the app-server moved to another model, for the turn in which it did. */
  const rerouted = new Map<string, { turnId: string; model: string }>()

  function note(tx: Tx, told: ToldUsage): void {
    const { sessionId, turnId } = told
    const now = tokensOf(told.total)
    const before = lastCount(tx, sessionId)
    if (before && isSame(before, now)) return
    const used = before ? usedSince(tx, before, told) : beganHere(tx, sessionId, turnId) ? now : NO_TOKENS
    writeCount(tx, told, now)
    if (isNothing(used)) return
    const day = iso(clock.now()).slice(0, 10)
    const model = modelOf(tx, sessionId, turnId)
    addUse(tx, sessionId, { turnId, day, model, calls: 1, imported: false, ...used })
  }

  /**
   * A smaller count is another one: told again as it was at a turn that we know, begun anew, or taken back by somebody else.
   * What can't be told from what was counted before isn't counted.
   */
  function usedSince(tx: Tx, before: Tokens, { sessionId, total, last }: ToldUsage): Tokens {
    const now = tokensOf(total)
    const more = difference(before, now)
    if (more) return more
    const known = countsOf(tx, sessionId)
    if (known.some((count) => isSame(count, now))) return NO_TOKENS
    const latest = tokensOf(last)
    if (isSame(now, latest)) return now
    const isNext = (count: Tokens) => isSame(difference(count, now) ?? NO_TOKENS, latest)
    return known.some(isNext) ? latest : NO_TOKENS
  }

  function modelOf(tx: Tx, sessionId: string, turnId: string): string {
    const moved = rerouted.get(sessionId)
    if (moved?.turnId === turnId) return moved.model
    const { controls } = readTurn(tx, sessionId, turnId) ?? {}
    return textIn(controls) ?? textIn(threadOf(tx, sessionId)) ?? UNKNOWN
  }

  return {
    note,
    reroute: (sessionId: string, to: { turnId: string; model: string }): void =>
      void rerouted.set(sessionId, to),
    /** The turn is over. */
    settle: (sessionId: string): void => void rerouted.delete(sessionId),
    /** One more row than asked for says that there are more. */
    sums({ includeImported, limit, offset, ...ask }: AskUsage): {
      rows: Sum[]
      all: Sum | undefined
      more: boolean
    } {
      const asked = { ...ask, imported: includeImported }
      const rows = sumUses(db, asked, { limit: limit + 1, offset })
      const [all] = sumUses(db, { ...asked, groupBy: [] }, { limit: 1, offset: 0 })
      return { rows: rows.slice(0, limit), all, more: rows.length > limit }
    },
  }
}
export type Usage = ReturnType<typeof createUsage>

function textIn(json: string | undefined): string | undefined {
  const { model } = json === undefined ? {} : (JSON.parse(json) as { model?: unknown })
  return typeof model === "string" && model !== "" ? model : undefined
}
