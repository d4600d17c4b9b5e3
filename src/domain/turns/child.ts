// What the turns need of the app-server. All of it throws faults; one whose details say `delivered: "unknown"` may have
// been done nevertheless.

import { Fault } from "../../base/fault.ts"
import type { Controls } from "../controls/tuple.ts"
import type { ThreadRecord } from "../sessions/session.ts"
import type { TurnKind } from "./store.ts"

export interface RunsTurns {
  /** Loads the thread into the child if this run has not loaded it, with the session's own controls. */
  loadThread(threadId: string, controls: Controls): Promise<void>
  startTurn(start: StartTurn): Promise<StartedTurn>
  /** Throws `no_active_turn` when that turn is over, `turn_not_steerable` for one that can't be joined. */
  steerTurn(steer: SteerTurn): Promise<void>
  /** Throws `no_active_turn`. */
  interruptTurn(interrupt: InterruptTurn): Promise<void>
  compactThread(threadId: string): Promise<unknown>
  startReview(
    review: StartReview,
  ): Promise<{ result: unknown; turnId: string; threadId: string; runId: string }>
  forkThread(threadId: string, controls: Controls): Promise<ThreadRecord>
  /** Takes back the last turns of a thread, oldest first; says by which way. Throws `invalid_state` where none is safe. */
  takeBack(taken: TakeBack): Promise<{ via: string; result: unknown }>
  /** Whether the turns of a `takeBack` whose answer never came are gone from the thread; it began at `begunAt` (epoch ms). */
  hasTakenBack(threadId: string, mark: RollbackMark, begunAt: number): Promise<boolean>
  cleanTerminals(threadId: string): Promise<unknown>
  /** Starts the thread of a session without a turn anew, with these tools. */
  restartThread(threadId: string, controls: Controls, dynamicTools: unknown[]): Promise<void>
  /** The binary that runs tells the ids of messages back. */
  tellsClientIds(): boolean
  /** The turn that has the message with this id; undefined if none has. Throws when the child can't be asked. */
  findMessage(threadId: string, clientId: string): Promise<string | undefined>
  /** False once that run of the app-server is over. */
  lives(runId: string): boolean
}

export interface StartTurn {
  threadId: string
  text: string
  controls: Controls
  effort?: string | undefined
  clientId?: string | undefined
}
export interface StartedTurn {
  turnId: string
  runId: string
  /** Which approval policy was sent, with a note where it isn't the one that was asked for. */
  policy?: { note?: string }
}
export interface SteerTurn {
  threadId: string
  turnId: string
  text: string
  clientId?: string | undefined
}
export interface InterruptTurn {
  threadId: string
  turnId: string
  /** True if the child may know the turn by that id. */
  isSame(found: string): boolean
}
export interface StartReview {
  threadId: string
  /** A review asks nobody: its commands run in this sandbox. */
  controls: Controls
  delivery: "inline" | "detached"
  target: Record<string, unknown>
}
export interface TakeBack {
  threadId: string
  turns: { ids: string[]; kind: TurnKind }[]
  controls: Controls
  /** Makes durable that the child is about to be asked; it is not asked before this resolves. */
  begin(mark: RollbackMark): Promise<void>
}
/** What the child's history was before turns are taken back; made and read by the child's side. */
export interface RollbackMark {
  via: string
}

/** True if what failed may have been done nevertheless. */
export const mayBeDone = (error: unknown): boolean =>
  error instanceof Fault && error.details.delivered === "unknown"
