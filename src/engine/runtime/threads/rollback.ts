// Taking turns back, in the way that the binary and the thread allow: `thread/revert` for the newest kind of thread,
// `thread/rollback` where it counts right, else a fork that ends before the turn and takes the thread's place.
//
// `thread/rollback {numTurns}` counts messages of people, not turns (tried on 0.105–0.150: one step takes the message that
// joined a turn and leaves the one that began it), so it is given the number of messages; a review counts as one. Back over
// a compaction it forgets what was before it, too (tried on 0.130, 0.150): there it is not used.

import { Fault, isFault } from "../../../base/fault.ts"
import type { RawTurn } from "./history.ts"

/** A turn to take back: every id that the child may know it by. */
export interface TakenTurn {
  ids: readonly string[]
  kind: "message" | "review" | "compact"
}

/** What the child's history was just before turns were taken back: after a kill it says whether they are gone. */
export interface Mark {
  via: Exclude<Via, "ledger">
  /** Ids of the turns as the history had them; none where it makes ids up (reviews of 0.105). */
  ids: string[]
  /** How many turns it had. */
  count: number
}

export interface RollbackNeeds {
  call<T>(method: string, params: unknown, about?: Record<string, unknown>): Promise<T>
  history(threadId: string): Promise<RawTurn[]>
  quirks(): { revert: boolean; rollback: boolean }
  /** Makes durable what is about to be asked of the child. */
  begin(mark: Mark): Promise<void>
  /** Puts a fork that ends before that turn in the thread's place. */
  forkBefore(beforeTurnId: string): Promise<unknown>
}

/** `ledger`: the child never had those turns. */
export type Via = "thread/revert" | "thread/rollback" | "fork" | "ledger"
export interface TakenBack {
  via: Via
  result: unknown
}

/** Takes the turns back, the last ones of the thread, oldest first. Throws `invalid_state` where no way is safe. */
export async function takeBack(
  { call, history, quirks, begin, forkBefore }: RollbackNeeds,
  threadId: string,
  turns: readonly TakenTurn[],
): Promise<TakenBack> {
  const ids = new Set(turns.flatMap((turn) => turn.ids))
  const known = await history(threadId)
  const first = known.find((turn) => ids.has(turn.id))
  const { revert, rollback } = quirks()
  const marked = known.flatMap((turn) => (ids.has(turn.id) ? turn.id : []))
  const about = (via: Mark["via"]) => begin({ via, ids: marked, count: known.length })
  const count = messagesIn(turns, known)
  if (first === undefined && count === 0) return { via: "ledger", result: {} }
  if (revert && first) {
    await about("thread/revert")
    const params = { threadId, beforeTurnId: first.id }
    const result = await call("thread/revert", params, { sessionId: threadId }).catch(onlyPaginated)
    if (result !== undefined) return { via: "thread/revert", result }
  }
  if (rollback && !turns.some((turn) => turn.kind === "compact")) {
    if (count === 0) return { via: "ledger", result: {} }
    await about("thread/rollback")
    const params = { threadId, numTurns: count }
    return {
      via: "thread/rollback",
      result: await call("thread/rollback", params, { sessionId: threadId, numTurns: count }),
    }
  }
  if (revert && first) {
    await about("fork")
    return { via: "fork", result: { thread: await forkBefore(first.id) } }
  }
  throw new Fault("invalid_state", "this app-server can't go back behind a compaction", {
    method: "thread/rollback",
    sessionId: threadId,
  })
}

/** Whether the turns are gone from this history, read after `mark` was made and before anything else was asked of the thread. */
export const isTakenBack = (known: readonly RawTurn[], mark: Mark): boolean =>
  mark.ids.length > 0 ? !known.some(({ id }) => mark.ids.includes(id)) : known.length < mark.count

/** How many messages of people the child's history has in them. */
function messagesIn(turns: readonly TakenTurn[], known: readonly RawTurn[]): number {
  const said = (turn: TakenTurn): number => {
    if (turn.kind === "review") return 1
    const own = known.filter((one) => turn.ids.includes(one.id))
    return own.flatMap((one) => one.items ?? []).filter((item) => item.type === "userMessage").length
  }
  return turns.reduce((sum, turn) => sum + said(turn), 0)
}

/** Threads that an older binary began can't be reverted. */
function onlyPaginated(error: unknown): undefined {
  if (isFault(error, "invalid_state") && /paginated/i.test(error.message)) return undefined
  throw error
}
