// Which turn a session is busy with. Its place is taken before the child is asked and confirmed after; an end that came
// first stands (decisions 15). Reviews are known to the child by two ids, compactions tell theirs late: both are one turn here.

import type { Clock } from "../../base/kit/clock.ts"
import { TIMERS } from "../../base/kit/timers.ts"
import type { Db, Tx } from "../../base/storage/port.ts"
import type { Controls } from "../controls/tuple.ts"
import { lastPlace } from "../transcript/store.ts"
import type { Transcript } from "../transcript/transcript.ts"
import { settleSaid } from "./messages/said.ts"
import {
  activeTurn,
  keepSaid,
  readTurn,
  runningTurns,
  type Turn,
  type TurnKind,
  type TurnStatus,
  writeAlias,
  writeTurn,
} from "./store.ts"

export interface LedgerNeeds {
  db: Db
  clock: Clock
  transcript: Transcript
  /** Takes the daemon's secrets out of a text before it is kept. */
  mask(text: string): string
}

export interface OpenTurn {
  sessionId: string
  id: string
  runId?: string | undefined
  startedAt?: number | undefined
  /** For a turn out of history. One that the child tells of now is what was asked for, else a message's. */
  kind?: TurnKind | undefined
  askedBy?: string | undefined
}
export interface EndTurn extends OpenTurn {
  status: Exclude<TurnStatus, "inProgress">
  error?: string | undefined
  completedAt?: number | undefined
}

/** A place that is taken: the next turn of the session is the one that was asked for. */
export interface Opening extends Disposable {
  /** The id under which it was opened; undefined when the child is gone before. */
  opened: Promise<string | undefined>
}
interface Taken {
  kind: TurnKind
  controls: string
  by: string | undefined
  /** An id that was told to have started: the review's, or another name of it. */
  started: string | undefined
  opened: PromiseWithResolvers<string | undefined>
  onOpen: ((tx: Tx, id: string) => void) | undefined
}
export interface Reservation {
  kind: TurnKind
  controls: Controls
  /** Who asked for it. */
  by?: string | undefined
  /** What becomes true in the act in which the turn is first heard of. */
  onOpen?: (tx: Tx, id: string) => void
}

export function createLedger({ db, clock, transcript, mask }: LedgerNeeds) {
  const openings = new Map<string, Taken>()
  /** Other names of turns that run, by session. */
  const names = new Map<string, Map<string, string>>()
  /** The turn in which an item was last begun, by session. */
  const begun = new Map<string, string>()
  const waiting = new Map<string, PromiseWithResolvers<void>>()
  /** Sessions whose last start had no answer from a child that lives: it may still begin. */
  const doubts = new Set<string>()
  const ends = new Map<string, PromiseWithResolvers<void>>()

  /** Until it is disposed of, the session's next turn is of this kind and runs with this tuple. */
  function reserve(sessionId: string, { kind, controls, by, onOpen }: Reservation): Opening {
    const { model, approvalPolicy, networkAccess, filesystemSandbox } = controls
    const tuple = JSON.stringify({ model, approvalPolicy, networkAccess, filesystemSandbox })
    const opened = Promise.withResolvers<string | undefined>()
    const taken: Taken = { kind, controls: tuple, by, started: undefined, opened, onOpen }
    openings.set(sessionId, taken)
    return {
      opened: opened.promise,
      [Symbol.dispose]() {
        if (openings.get(sessionId) === taken) openings.delete(sessionId)
      },
    }
  }

  /** A turn runs. One that is known, ended ones too, stays as it is. */
  function open(tx: Tx, { sessionId, id, runId, startedAt, kind, askedBy }: OpenTurn): void {
    if (readTurn(tx, sessionId, id)) return
    const taken = kind === undefined ? openings.get(sessionId) : undefined
    const place = lastPlace(tx, sessionId) + 1
    transcript.settlePlace(tx, sessionId, { turnId: id, place })
    writeTurn(tx, {
      sessionId,
      id,
      place,
      status: "inProgress",
      error: undefined,
      runId,
      startedAt: startedAt ?? clock.now(),
      completedAt: undefined,
      kind: kind ?? taken?.kind ?? "message",
      controls: taken?.controls,
      rolledBackAt: undefined,
      askedBy: taken?.by ?? askedBy,
    })
    if (taken?.started !== undefined && taken.started !== id) alias(tx, { sessionId, id }, taken.started)
    taken?.onOpen?.(tx, id)
    taken?.opened.resolve(id)
  }

  function alias(tx: Tx, turn: Pick<Turn, "sessionId" | "id">, name: string): void {
    writeAlias(tx, turn, name)
    const known = names.get(turn.sessionId) ?? new Map<string, string>()
    names.set(turn.sessionId, known.set(name, turn.id))
  }

  /** The child says that a turn started: a new one, or the running review by its other id (0.130–0.169). */
  function started(tx: Tx, turn: OpenTurn): void {
    const { sessionId, id } = turn
    const active = activeTurn(tx, sessionId)
    if (readTurn(tx, sessionId, id)) return
    const taken = openings.get(sessionId)
    if (active?.kind === "review") alias(tx, active, id)
    // Which of its two ids this is, the answer or the first item says.
    else if (taken?.kind === "review" && !active) taken.started = id
    else open(tx, turn)
  }

  /** Marks a turn as a review: one that was begun elsewhere tells it by its first item. */
  function isReview(tx: Tx, sessionId: string, id: string): void {
    const turn = readTurn(tx, sessionId, id)
    if (turn?.status === "inProgress" && turn.kind !== "review") writeTurn(tx, { ...turn, kind: "review" })
  }

  /** A turn has ended, one that we never saw begin too. Ended ones stay: the first end counts. False if it had ended before. */
  function settle(tx: Tx, end: EndTurn): boolean {
    const { sessionId, id } = end
    if (readTurn(tx, sessionId, id) === undefined) open(tx, end)
    const turn = readTurn(tx, sessionId, id)
    if (turn?.status !== "inProgress") return false
    writeTurn(tx, {
      ...turn,
      status: end.status,
      error: end.error,
      completedAt: end.completedAt ?? clock.now(),
    })
    settleSaid(tx, transcript, turn)
    return true
  }

  /** What is acknowledged now stays, whatever becomes of the turn; one that has ended meanwhile takes it at once. */
  function hear(tx: Tx, { sessionId, id }: Pick<Turn, "sessionId" | "id">, text: string): void {
    const turn = readTurn(tx, sessionId, id)
    if (!turn) return
    keepSaid(tx, turn, mask(text))
    if (turn.status !== "inProgress") settleSaid(tx, transcript, turn)
  }

  /**
   * A turn that was only promised can't be joined or interrupted yet: every binary answers `turn/start`, the older ones say
   * `turn/started` too, before it has one; a second start would be a phantom then. True once an item shows the turn, false when
   * it is over or nothing comes.
   */
  async function begins({ sessionId, id }: Turn): Promise<boolean> {
    const runs = () => readTurn(db, sessionId, id)?.status === "inProgress"
    if (begun.get(sessionId) === id || !runs()) return runs()
    const told = nextMove(sessionId)
    using _net = clock.after(TIMERS.callDeadlineMs, () => move(sessionId))
    await told
    return begun.get(sessionId) === id && runs()
  }

  /**
   * Resolves once the session is free for another start; true if that had to be waited for. After one without an answer the child is asked something, whose answer comes
   * behind whatever it still had to read, and a sign of the turn is waited for; a second start before that could be a phantom.
   */
  async function isSure(sessionId: string, ask: () => Promise<unknown>): Promise<boolean> {
    if (!doubts.has(sessionId)) return false
    await ask()
    const told = nextMove(sessionId)
    using _net = clock.after(TIMERS.doubtMs, () => move(sessionId))
    if (doubts.has(sessionId)) await told
    doubts.delete(sessionId)
    return true
  }

  /** Listens from now on: what it gives resolves to true at the next sign of the session's turn, to false when none comes. */
  function sign(sessionId: string): () => Promise<boolean> {
    const told = nextMove(sessionId).then(() => true)
    return async () => {
      const net = Promise.withResolvers<boolean>()
      using _net = clock.after(TIMERS.callDeadlineMs, () => net.resolve(false))
      return await Promise.race([told, net.promise])
    }
  }

  /** Resolves when the session's turn is over, or the child is. */
  function endOf(sessionId: string): Promise<void> {
    const end = ends.get(sessionId) ?? Promise.withResolvers<void>()
    ends.set(sessionId, end)
    return end.promise
  }
  function over(sessionId: string): void {
    doubts.delete(sessionId)
    ends.get(sessionId)?.resolve()
    ends.delete(sessionId)
    move(sessionId)
  }

  function nextMove(sessionId: string): Promise<void> {
    const told = waiting.get(sessionId) ?? Promise.withResolvers<void>()
    waiting.set(sessionId, told)
    return told.promise
  }
  function move(sessionId: string): void {
    waiting.get(sessionId)?.resolve()
    waiting.delete(sessionId)
  }

  return {
    reserve,
    open,
    started,
    isReview,
    settle,
    hear,
    begins,
    sign,
    /** The child gave no answer to a start and lives. */
    doubt: (sessionId: string): void => void doubts.add(sessionId),
    isSure,
    endOf,
    hasBegun: ({ sessionId, id }: Turn): boolean => begun.get(sessionId) === id,
    /** The turn that the child means: an unknown one that it names while a review runs is that review. */
    idOf(tx: Tx, sessionId: string, id: string): string {
      const named = names.get(sessionId)?.get(id)
      if (named !== undefined || begun.get(sessionId) === id || readTurn(tx, sessionId, id))
        return named ?? id
      const active = activeTurn(tx, sessionId)
      return active?.kind === "review" ? active.id : id
    },
    /**
     * Turns that were promised beside this one and never began: phantoms of 0.105 and 0.130, which never end by themselves. One that
     * was promised before it can't begin any more either: a thread runs one turn at a time.
     */
    phantoms: (tx: Tx, { sessionId, id }: Turn): Turn[] =>
      runningTurns(tx).filter(
        (t) =>
          t.sessionId === sessionId && t.id !== id && t.kind === "message" && begun.get(sessionId) !== t.id,
      ),
    /** An item of the turn has begun: the turn can be joined. After the commit. */
    begun(sessionId: string, id: string): void {
      begun.set(sessionId, id)
      doubts.delete(sessionId)
      move(sessionId)
    },
    /** The session's turn is over. After the commit. */
    ended(sessionId: string): void {
      begun.delete(sessionId)
      names.delete(sessionId)
      over(sessionId)
    },
    /** The session is gone: nothing that was asked for in it matters any more. After the commit. */
    deleted(sessionId: string): void {
      openings.get(sessionId)?.opened.resolve(undefined)
      over(sessionId)
    },
    /** The child is gone: nothing that was asked for will be told any more. */
    gone(): void {
      for (const { opened } of openings.values()) opened.resolve(undefined)
      for (const sessionId of [...waiting.keys(), ...ends.keys(), ...doubts]) over(sessionId)
    },
  }
}
export type Ledger = ReturnType<typeof createLedger>
