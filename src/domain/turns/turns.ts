// The turn a session is busy with, and who may start, join or end it. One at a time a session: its place is taken before
// the child is asked and confirmed after; an end that came first stands (decisions 15, 16).

import { Fault } from "../../base/fault.ts"
import type { Clock } from "../../base/kit/clock.ts"
import { createLanes } from "../../base/kit/lanes.ts"
import type { Db, Reader, Tx } from "../../base/storage/port.ts"
import type { ControlsRoom } from "../controls/controls.ts"
import { type Controls, type Overrides, withOverrides } from "../controls/tuple.ts"
import { lastPlace } from "../transcript/store.ts"
import {
  activeTurn,
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
  codex: RunsTurns
}

export interface SendMessage extends Overrides {
  text: string
  effort?: string | undefined
}

export function createTurns({ db, clock, controls, codex }: TurnsNeeds) {
  const lanes = createLanes()
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
    try {
      await codex.steerTurn(active.sessionId, active.id, text)
      return true
    } catch (error) {
      if (error instanceof Fault && error.code === "no_active_turn") return false
      throw error
    }
  }

  async function begin(
    sessionId: string,
    { text, effort, ...over }: SendMessage,
  ): Promise<{ turnId: string }> {
    const tuple = withOverrides(controls.of(sessionId), over)
    await codex.loadThread(sessionId, tuple)
    const { turnId, runId } = await codex.startTurn({ threadId: sessionId, text, controls: tuple, effort })
    await db.act((tx) => {
      open(tx, { sessionId, id: turnId, runId })
      controls.keep(tx, sessionId, tuple)
    })
    return { turnId }
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
    return true
  }

  /** Asks the child to stop the turn: the named one, else the running one. Throws `no_active_turn`. */
  async function interrupt(sessionId: string, turnId?: string): Promise<{ turnId: string }> {
    const turn = turnId === undefined ? activeTurn(db, sessionId) : readTurn(db, sessionId, turnId)
    if (turn?.status !== "inProgress") throw new Fault("no_active_turn", "no turn is running", { sessionId })
    await codex.interruptTurn(sessionId, turn.id)
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
    /** From now on no turn starts. */
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
