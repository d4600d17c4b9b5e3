// Taking turns back, in the way that the binary and the thread allow: `thread/revert` for the newest kind of thread,
// `thread/rollback` where it counts right, else a fork that ends before the turn and takes the thread's place.
//
// `thread/rollback {numTurns}` counts messages of people, not turns (tried on 0.105–0.150: one step takes the message that
// joined a turn and leaves the one that began it), so it is given the number of messages; a review counts as one. Back over
// a compaction it forgets what was before it, too (tried on 0.130, 0.150): there it is not used.

import { Fault, isFault } from "../../../base/fault.ts"
import type { MadeAnew, Policy, RawThread } from "../codex.ts"
import type { Aliases } from "./aliases.ts"
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

export interface TakeBack {
  threadId: string
  /** The last ones of the thread, oldest first. */
  turns: readonly TakenTurn[]
  policy: Policy
  /** Called before the child is asked. */
  begin(mark: Mark): Promise<void>
  keep(made: MadeAnew): Promise<void>
}

/** A `takeBack` whose answer never came. */
export interface Begun {
  threadId: string
  mark: Mark
  /** Epoch milliseconds. */
  begunAt: number
  /** A thread that clients know is no fork of ours that nobody heard of. */
  isKnown(id: string): boolean
  keep(made: MadeAnew): Promise<void>
}

export interface RollbackCallsNeeds extends Pick<RollbackNeeds, "call" | "history" | "quirks"> {
  /** The child's words, as it says them. */
  rawCall<T>(method: string, params: unknown): Promise<T>
  aliases: Aliases
  fork(threadId: string, policy: Policy, beforeTurnId: string): Promise<RawThread>
  replace(
    place: { outer: string; sandbox: string },
    make: () => Promise<RawThread>,
    keep: (made: MadeAnew) => Promise<void>,
  ): Promise<RawThread>
  unloaded(threadId: string): void
}

export function createRollbackCalls(needs: RollbackCallsNeeds) {
  const { rawCall, aliases, history, fork, replace, unloaded } = needs
  return {
    /** Takes the last turns of a thread back; `keep` makes durable that another thread answers to its id. */
    takeBack({ threadId, turns, policy, begin, keep }: TakeBack): Promise<TakenBack> {
      const place = { outer: threadId, sandbox: policy.sandbox }
      const forkBefore = (beforeTurnId: string) =>
        replace(place, () => fork(threadId, policy, beforeTurnId), keep)
      return takeBack({ ...needs, begin, forkBefore }, threadId, turns)
    },
    /** Whether the child has done what was begun under that mark; a fork that was made for it takes the thread's place. */
    async hasTakenBack({ threadId, mark, begunAt, isKnown, keep }: Begun): Promise<boolean> {
      const had = await history(threadId)
      if (isTakenBack(had, mark)) return true
      if (mark.via !== "fork") return false
      const newest = { limit: 100, sortKey: "created_at", modelProviders: [] }
      const { data } = await rawCall<{ data: RawThread[] }>("thread/list", newest)
      const isTaken = (id: string) => aliases.isReplaced(id) || aliases.outerOf(id) !== id || isKnown(id)
      const left = had.map(({ id }) => id).filter((id) => !mark.ids.includes(id))
      const made = await findFork(data, { left, begunAt, isKnown: isTaken }, history)
      if (!made) return false
      await keep({ outer: threadId, inner: made.id, path: made.path })
      aliases.add({ outer: threadId, inner: made.id })
      // What this run has loaded is the thread before.
      unloaded(threadId)
      return true
    },
  }
}

export interface ListedThread {
  id: string
  /** Seconds. */
  createdAt?: number
}

export interface Cut {
  /** Ids of the turns that were to be left: a fork keeps them. */
  left: readonly string[]
  /** Epoch milliseconds at which the turns were about to be taken back. */
  begunAt: number
  /** Clients know it: then it is somebody's. */
  isKnown(id: string): boolean
}

/**
 * The fork that was made before it could answer for the thread: no older, with just what was to be left, and nobody's. Lists do
 * not say what a thread was forked from (tried on 0.150).
 */
export async function findFork<T extends ListedThread>(
  threads: readonly T[],
  { left, begunAt, isKnown }: Cut,
  history: RollbackNeeds["history"],
): Promise<T | undefined> {
  if (left.length === 0) return undefined
  for (const thread of threads) {
    const { id, createdAt = 0 } = thread
    // Its second may have begun before the moment.
    if ((createdAt + 1) * 1000 <= begunAt || isKnown(id)) continue
    const turns = await history(id)
    if (turns.length === left.length && turns.every((turn, at) => turn.id === left[at])) return thread
  }
  return undefined
}

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
