// One turn of a worker, from its message to its end. Its end is what the ledger says: the turn's own notification, or the end
// of the child. The thread is read once where the child knows of no such turn any more; nothing is polled.

import type { Log } from "../../../base/events/log.ts"
import { isFault } from "../../../base/fault.ts"
import type { Db } from "../../../base/storage/port.ts"
import type { Controls } from "../../../domain/controls/tuple.ts"
import type { Turn } from "../../../domain/turns/store.ts"
import { adopt } from "../../ingest/past/history.ts"
import type { Rooms } from "../../rooms.ts"

export interface WorkerTurnNeeds {
  db: Db
  log: Log
  rooms: Rooms
}

export interface WorkerTurn {
  sessionId: string
  text: string
  tuple: Omit<Controls, "settings">
  effort: string | undefined
  signal: AbortSignal
  /** The turn is there. */
  begun(turnId: string): Promise<void>
  /** What the model has said so far, each time it is more. */
  heard?(text: string): void
}

/** The turn can be tried again, on a fresh one: the child ended. */
export class ChildEnded extends Error {}
/** The session is not there any more, or no use: another one has to be made. */
export class WorkerGone extends Error {}
/** It was asked to stop. */
export class Stopped extends Error {}

const LONGEST_REASON = 400

export function createWorkerTurns({ db, log, rooms }: WorkerTurnNeeds) {
  const { turns } = rooms

  /** Resolves with what the model said last. Rejects for a turn that failed or was interrupted (§9.2 26). */
  async function run(given: WorkerTurn): Promise<{ turnId: string; text: string }> {
    const { sessionId, text, tuple, effort, signal, begun, heard } = given
    await clear(sessionId)
    refuseStopped(signal)
    await db.act((tx) =>
      rooms.controls.keep(tx, sessionId, { ...rooms.controls.of(sessionId, tx), ...tuple }),
    )
    const hearing = heard && listen(sessionId, heard)
    try {
      const { turnId } = await turns.send(sessionId, { text, effort, whenBusy: "reject" })
      const stuck = Promise.withResolvers<never>()
      stuck.promise.catch(() => {})
      using _stopping = onAbort(signal, () => void halt(sessionId, turnId).catch(stuck.reject))
      await begun(turnId)
      const turn = await Promise.race([turns.over(sessionId, turnId), stuck.promise])
      refuseStopped(signal)
      judge(turn)
      return { turnId, text: wordsOf(sessionId, turnId) }
    } catch (error) {
      if (isFault(error, "session_deleted") || isFault(error, "session_not_found") || isLost(error))
        throw new WorkerGone("the worker's session is gone", { cause: error })
      throw error
    } finally {
      hearing?.[Symbol.dispose]()
    }
  }

  /** Resolves when there is a child; rejects when it is asked to stop before. */
  async function untilReady(signal: AbortSignal): Promise<void> {
    refuseStopped(signal)
    if (rooms.codex.isReady()) return
    const { promise, resolve } = Promise.withResolvers<void>()
    using _hearing = log.onTold((events) => {
      if (events.some(({ type }) => type === "runtime.updated") && rooms.codex.isReady()) resolve()
    })
    using _stopping = onAbort(signal, resolve)
    await promise
    refuseStopped(signal)
  }

  /** What an earlier attempt left running ends first. */
  async function clear(sessionId: string): Promise<void> {
    const active = turns.active(sessionId)
    if (!active) return
    await halt(sessionId, active.id).catch((cause: unknown) => {
      throw new WorkerGone("a turn of the worker's session can't be interrupted", { cause })
    })
    if (turns.active(sessionId)) throw new WorkerGone("a turn of the worker's session does not end")
  }

  /** Interrupts the turn, and resolves once it is over or the child says that it has none. */
  async function halt(sessionId: string, turnId: string): Promise<void> {
    try {
      await turns.interrupt(sessionId, turnId)
      await turns.over(sessionId, turnId)
    } catch (error) {
      if (!isFault(error, "no_active_turn")) throw error
      if (turns.find(sessionId, turnId)?.status !== "inProgress") return
      await readOnce(sessionId)
    }
  }

  async function readOnce(sessionId: string): Promise<void> {
    const history = await rooms.codex.history(sessionId)
    await db.act((tx) => adopt(tx, rooms, sessionId, history))
  }

  /** The last words of the turn. */
  function wordsOf(sessionId: string, turnId: string): string {
    const said = rooms.transcript
      .ofTurn(db, sessionId, turnId)
      .filter(({ role, type }) => role === "assistant" && type === "agentMessage")
    return (said.at(-1)?.content ?? "").trim()
  }

  function listen(sessionId: string, heard: (text: string) => void): Disposable {
    const texts = new Map<string, string>()
    return log.onTold((events) => {
      for (const { thread, type, body } of events) {
        if (thread !== sessionId || type !== "app.notification" || !body.includes(DELTA)) continue
        const { method, params } = JSON.parse(body) as { method: string; params?: Delta }
        if (method !== DELTA || params?.itemId === undefined || params.delta === undefined) continue
        const text = (texts.get(params.itemId) ?? "") + params.delta
        texts.set(params.itemId, text)
        heard(text)
      }
    })
  }

  return { run, untilReady }
}
export type WorkerTurns = ReturnType<typeof createWorkerTurns>

const DELTA = "item/agentMessage/delta"
interface Delta {
  itemId?: string
  delta?: string
}

/** Once: at the abort, or now if that has been; not after it is disposed of. */
function onAbort(signal: AbortSignal, stop: () => void): Disposable {
  signal.addEventListener("abort", stop, { once: true })
  if (signal.aborted) stop()
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", stop) }
}

function refuseStopped(signal: AbortSignal): void {
  if (signal.aborted) throw new Stopped(String(signal.reason))
}

/** The child forgot a thread that had turns. */
const isLost = (error: unknown): boolean => isFault(error, "not_found") || isFault(error, "invalid_state")

function judge(turn: Turn | undefined): void {
  if (!turn) throw new WorkerGone("the worker's session was deleted")
  if (turn.status === "completed") return
  const reason = turn.error === undefined ? undefined : reasonIn(turn.error)
  if (turn.status === "failed")
    throw new Error(`agent turn failed${reason ? `: ${reason.slice(0, LONGEST_REASON)}` : ""}`)
  // Of an interrupt that somebody asked for the child gives no reason; of its own end we do.
  if (reason !== undefined) throw new ChildEnded(`agent turn was cut off: ${reason}`)
  throw new Error("agent turn was interrupted")
}

function reasonIn(error: string): string | undefined {
  const { message } = (JSON.parse(error) ?? {}) as { message?: string }
  return message
}
