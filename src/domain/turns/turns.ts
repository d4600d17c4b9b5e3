// The turn a session is busy with, and who may start, join or end it. One at a time a session: its place is taken before
// the child is asked and confirmed after; an end that came first stands (decisions 15, 16).

import { Fault } from "../../base/fault.ts"
import type { Clock } from "../../base/kit/clock.ts"
import { createLanes } from "../../base/kit/lanes.ts"
import { TIMERS } from "../../base/kit/timers.ts"
import type { Db, Reader, Tx } from "../../base/storage/port.ts"
import type { ControlsRoom } from "../controls/controls.ts"
import { type Controls, type Overrides, withOverrides } from "../controls/tuple.ts"
import { lastPlace } from "../transcript/store.ts"
import type { Transcript } from "../transcript/transcript.ts"
import { settleSaid } from "./said.ts"
import {
  activeTurn,
  keepSaid,
  readTurn,
  runningTurns,
  type Turn,
  type TurnStatus,
  turnsOf,
  writeTurn,
} from "./store.ts"

/** What the turns need of the app-server; all of it throws faults. */
export interface RunsTurns {
  /** Loads the thread into the child if this run has not loaded it, with the session's own controls. */
  loadThread(threadId: string, controls: Controls): Promise<void>
  startTurn(start: StartTurn): Promise<{ turnId: string; runId: string }>
  /** Throws `no_active_turn` when that turn is over. */
  steerTurn(threadId: string, turnId: string, text: string): Promise<void>
  interruptTurn(threadId: string, turnId: string): Promise<void>
  /** False once that run of the app-server is over. */
  lives(runId: string): boolean
}

export interface StartTurn {
  threadId: string
  text: string
  controls: Controls
  effort?: string | undefined
}

export interface TurnsNeeds {
  db: Db
  clock: Clock
  controls: ControlsRoom
  transcript: Transcript
  codex: RunsTurns
  /** Takes the daemon's secrets out of a text before it is kept. */
  mask(text: string): string
}

export interface SendMessage extends Overrides {
  text: string
  effort?: string | undefined
}

export function createTurns({ db, clock, controls, transcript, codex, mask }: TurnsNeeds) {
  const lanes = createLanes()
  /** The turn in which an item was last begun, by session. */
  const begun = new Map<string, string>()
  const waiting = new Map<string, PromiseWithResolvers<void>>()
  let draining = false

  /** Joins the running turn, else starts one. Answers the turn's id. */
  const send = (sessionId: string, message: SendMessage): Promise<{ turnId: string }> =>
    lanes.run(sessionId, async () => {
      if (draining) throw new Fault("shutting_down", "the daemon is shutting down and takes no new turns")
      const active = activeTurn(db, sessionId)
      if (active && (await joined(active, message.text))) return { turnId: active.id }
      return begin(sessionId, message)
    })

  async function joined(active: Turn, text: string): Promise<boolean> {
    const hadBegun = begun.get(active.sessionId) === active.id
    try {
      await codex.steerTurn(active.sessionId, active.id, text)
      await db.act((tx) => hear(tx, active, text))
      return true
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== "no_active_turn") throw error
      return !hadBegun && (await begins(active)) && joined(active, text)
    }
  }

  /**
   * A turn that was only promised can't be joined or interrupted yet: every binary answers `turn/start`, the older ones say
   * `turn/started` too, before it has one; a second start would be a phantom then. True once an item shows the turn, false when
   * it is over or nothing comes.
   */
  async function begins({ sessionId, id }: Turn): Promise<boolean> {
    const runs = () => readTurn(db, sessionId, id)?.status === "inProgress"
    if (begun.get(sessionId) === id || !runs()) return runs()
    const told = waiting.get(sessionId) ?? Promise.withResolvers<void>()
    waiting.set(sessionId, told)
    using _net = clock.after(TIMERS.callDeadlineMs, () => move(sessionId))
    await told.promise
    return begun.get(sessionId) === id && runs()
  }

  function move(sessionId: string): void {
    waiting.get(sessionId)?.resolve()
    waiting.delete(sessionId)
  }

  async function begin(
    sessionId: string,
    { text, effort, ...over }: SendMessage,
  ): Promise<{ turnId: string }> {
    const tuple = withOverrides(controls.of(sessionId), over)
    await codex.loadThread(sessionId, tuple)
    const { turnId, runId } = await codex.startTurn({ threadId: sessionId, text, controls: tuple, effort })
    await db.act((tx) => {
      // The run may have ended since it answered: a turn opened now would have nobody to end it.
      if (!readTurn(tx, sessionId, turnId) && !codex.lives(runId)) {
        throw new Fault("runtime_unavailable", "the app-server ended as the turn began")
      }
      open(tx, { sessionId, id: turnId, runId })
      hear(tx, { sessionId, id: turnId }, text)
      controls.keep(tx, sessionId, tuple)
    })
    return { turnId }
  }

  /** What is acknowledged now stays, whatever becomes of the turn; one that has ended meanwhile takes it at once. */
  function hear(tx: Tx, { sessionId, id }: OpenTurn, text: string): void {
    const turn = readTurn(tx, sessionId, id)
    if (!turn) return
    keepSaid(tx, turn, mask(text))
    if (turn.status !== "inProgress") settleSaid(tx, transcript, turn)
  }

  /** A turn runs. One that is known, ended ones too, stays as it is. */
  function open(tx: Tx, { sessionId, id, runId, startedAt }: OpenTurn): void {
    if (readTurn(tx, sessionId, id)) return
    const place = lastPlace(tx, sessionId) + 1
    const turn = {
      sessionId,
      id,
      place,
      status: "inProgress" as const,
      error: undefined,
      runId,
      completedAt: undefined,
    }
    writeTurn(tx, { ...turn, startedAt: startedAt ?? clock.now() })
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

  /** Asks the child to stop the turn: the named one, else the running one. Throws `no_active_turn`. */
  async function interrupt(sessionId: string, turnId?: string): Promise<{ turnId: string }> {
    const turn = turnId === undefined ? activeTurn(db, sessionId) : readTurn(db, sessionId, turnId)
    if (turn?.status !== "inProgress") throw new Fault("no_active_turn", "no turn is running", { sessionId })
    const hadBegun = begun.get(sessionId) === turn.id
    try {
      await codex.interruptTurn(sessionId, turn.id)
    } catch (error) {
      const tooEarly = error instanceof Fault && error.code === "no_active_turn" && !hadBegun
      if (!tooEarly || !(await begins(turn))) throw error
      await codex.interruptTurn(sessionId, turn.id)
    }
    return { turnId: turn.id }
  }

  return {
    send,
    open,
    settle,
    interrupt,
    active: (sessionId: string, reader: Reader = db): Turn | undefined => activeTurn(reader, sessionId),
    find: (sessionId: string, id: string, reader: Reader = db): Turn | undefined =>
      readTurn(reader, sessionId, id),
    list: (sessionId: string): Turn[] => turnsOf(db, sessionId),
    running: (reader: Reader = db): Turn[] => runningTurns(reader),
    /** An item of the turn has begun: the turn can be joined. After the commit. */
    begun(sessionId: string, id: string): void {
      begun.set(sessionId, id)
      move(sessionId)
    },
    /** The session's turn is over. After the commit. */
    ended(sessionId: string): void {
      begun.delete(sessionId)
      move(sessionId)
    },
    /** From now on no turn starts. */
    /** True once no turn starts any more. */
    draining: (): boolean => draining,
    drain: (): void => {
      draining = true
    },
  }
}
export type Turns = ReturnType<typeof createTurns>

export interface OpenTurn {
  sessionId: string
  id: string
  runId?: string | undefined
  startedAt?: number | undefined
}
export interface EndTurn extends OpenTurn {
  status: Exclude<TurnStatus, "inProgress">
  error?: string | undefined
  completedAt?: number | undefined
}
