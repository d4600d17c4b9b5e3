// Keeps our tables true to the child's disk: threads made elsewhere appear in the list, and a session's history is laid
// beside our ledger the first time it is opened in a run of the child.

import type { Log } from "../../../base/events/log.ts"
import { isFault } from "../../../base/fault.ts"
import { isUuid } from "../../../base/kit/ids.ts"
import type { Logger } from "../../../base/observe/logger.ts"
import type { Db } from "../../../base/storage/port.ts"
import type { Session, ThreadRecord } from "../../../domain/sessions/session.ts"
import type { Rooms } from "../../rooms.ts"
import { adopt } from "./history.ts"
import { createLists } from "./lists.ts"

export interface ReconcileNeeds {
  db: Db
  log: Log
  rooms: Rooms
  logger: Logger
  /** The run of the child that is ready, if one is. */
  readyRun(): string | undefined
}

export function createReconcile({ db, log, rooms, logger, readyRun }: ReconcileNeeds) {
  const opening = new Map<string, Promise<void>>()
  /** Sessions whose history was laid beside ours, by the run of it. */
  const laid = new Map<string, string>()
  const lists = createLists({ db, log, rooms, logger })

  /** A child is ready: it is told what it missed, then its lists are read. Failures are logged: our own list stands. */
  async function catchUp(): Promise<void> {
    rooms.turns.resume()
    try {
      await refresh()
    } catch (error) {
      // A child that went away meanwhile is asked again when it is back.
      if (!isFault(error, "runtime_unavailable"))
        logger.warn("the child's threads could not be listed", { error })
    }
  }

  /** Tells the child what it missed and reads its lists, whole. Rejects with its fault. */
  async function refresh(): Promise<void> {
    // Before the lists: a fork that takes a session's place must not be met as a thread of its own.
    await rooms.turns.settleRollbacks()
    await rooms.outbox.settleAll()
    await lists.refresh()
  }

  async function glance(): Promise<void> {
    if (readyRun() === undefined) return
    await rooms.turns.settleRollbacks()
    await lists.glance().catch((error: unknown) => {
      logger.warn("the child's newest threads could not be listed", { error })
    })
  }

  /** Lays the child's history beside the ledger, once a run. When the child can't be asked the ledger stands alone. */
  function history(session: Session): Promise<void> {
    const run = readyRun()
    if (run === undefined) return Promise.resolve()
    if (session.reconciledRun === run || !session.materialized) {
      laid.set(session.id, run)
      return Promise.resolve()
    }
    const under = opening.get(session.id)
    if (under) return under
    const work = compare(session.id, run).finally(() => opening.delete(session.id))
    opening.set(session.id, work)
    return work
  }

  async function compare(sessionId: string, run: string): Promise<void> {
    try {
      const turns = await rooms.codex.history(sessionId)
      await db.act((tx) => {
        adopt(tx, rooms, sessionId, turns)
        rooms.sessions.change(tx, sessionId, { reconciledRun: run })
      })
    } catch (error) {
      logger.warn("a session's history could not be read", { sessionId, error })
    }
  }

  /** A session by id: ours, else asked of the child once (decisions 12). Undefined for one that nobody knows. Throws `runtime_unavailable`. */
  async function find(id: string): Promise<Session | undefined> {
    const own = rooms.sessions.find(id)
    if (own || !isUuid(id) || rooms.tombstones.has(id)) return own
    try {
      const thread = (await rooms.codex.readThread(id)) as ThreadRecord
      // The child may know it by the id that it has for a session of ours.
      if (rooms.tombstones.has(thread.id)) return undefined
      return await db.act((tx) => rooms.sessions.learn(tx, thread, { materialized: true }))
    } catch (error) {
      if (isFault(error, "not_found") || isFault(error, "invalid_state") || isFault(error, "invalid_params"))
        return undefined
      throw error
    }
  }

  return {
    catchUp,
    glance,
    refresh,
    history,
    /** Nothing of the child's history is still to be asked for, as far as is known without a look. */
    isLaid(sessionId: string): boolean {
      const run = readyRun()
      return run === undefined || laid.get(sessionId) === run
    },
    find,
  }
}
export type Reconcile = ReturnType<typeof createReconcile>
