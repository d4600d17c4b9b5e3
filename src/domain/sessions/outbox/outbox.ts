// What was decided here and must become true in the child: kept with the decision, told to the child in the order of the
// decisions, one session at a time. A child that dies in between is told again when the next one is ready.

import { type Fault, isFault } from "../../../base/fault.ts"
import { createLanes } from "../../../base/kit/lanes.ts"
import type { Logger } from "../../../base/observe/logger.ts"
import type { Db, Reader, Tx } from "../../../base/storage/port.ts"
import {
  archivingSessions,
  dropOutbox,
  forgetNames,
  forgetOutbox,
  hasArchiving,
  nextOutbox,
  noteAttempt,
  type OutboxAct,
  type OutboxRow,
  outboxSessions,
  putOutbox,
  takeAttemptBack,
} from "./store.ts"

export interface TellsChild {
  /** False while there is no child that could be told. */
  ready(): boolean
  /** Tells the child once. `later` leaves the act for a moment in which it makes sense. Throws faults. */
  perform(row: OutboxRow): Promise<{ later?: true; files?: number }>
}

export interface OutboxNeeds {
  db: Db
  logger: Logger
  child: TellsChild
}

export type Outcome =
  | { state: "done"; files: number }
  /** The child was not told yet and will be. */
  | { state: "waiting" }
  | { state: "refused"; fault: Fault }

/** An act that the child did not survive so often is given up: it would kill every next one too. */
const MOST_ATTEMPTS = 5

export function createOutbox({ db, logger, child }: OutboxNeeds) {
  const lanes = createLanes()
  const asked = new Map<number, PromiseWithResolvers<Outcome>>()

  /** Notes an act; `perform` tells the child once this is committed. A later name stands for every earlier one, a delete for everything. */
  function put(tx: Tx, sessionId: string, act: OutboxAct, body?: unknown): number {
    if (act === "delete") forgetOutbox(tx, sessionId)
    if (act === "name") forgetNames(tx, sessionId)
    return putOutbox(tx, sessionId, act, body)
  }

  /** Resolves when the act was tried, or at once as `waiting` without a child. Acts before it go first. */
  async function perform(sessionId: string, id: number): Promise<Outcome> {
    const waiter = Promise.withResolvers<Outcome>()
    asked.set(id, waiter)
    try {
      await settle(sessionId)
      // What is not there any more was taken over by a later act.
      waiter.resolve({ state: "done", files: 0 })
      return await waiter.promise
    } finally {
      asked.delete(id)
    }
  }

  /** False when the child did not hear: nobody else need try. */
  const settle = (sessionId: string): Promise<boolean> =>
    lanes.run(sessionId, async () => {
      let row = nextOutbox(db, sessionId)
      while (row) {
        const outcome = await tell(row)
        asked.get(row.id)?.resolve(outcome.state === "unheard" ? { state: "waiting" } : outcome)
        if (outcome.state === "unheard") {
          leave(sessionId, row.id)
          return false
        }
        row = nextOutbox(db, sessionId, row.id)
      }
      return true
    })

  /** Nobody hears: whoever waits for a later act of this session need not. */
  function leave(sessionId: string, after: number): void {
    for (let row = nextOutbox(db, sessionId, after); row; row = nextOutbox(db, sessionId, row.id))
      asked.get(row.id)?.resolve({ state: "waiting" })
  }

  async function tell(row: OutboxRow): Promise<Outcome | { state: "unheard" }> {
    const { id, sessionId, act, attempts } = row
    if (!child.ready()) return { state: "unheard" }
    if (attempts >= MOST_ATTEMPTS) {
      logger.error("an act that no app-server survived was given up", { sessionId, act, attempts })
      await db.act((tx) => dropOutbox(tx, id))
      return { state: "done", files: 0 }
    }
    await db.act((tx) => noteAttempt(tx, id))
    try {
      const { later, files = 0 } = await child.perform(row)
      await db.act((tx) => (later ? takeAttemptBack(tx, id) : dropOutbox(tx, id)))
      return later ? { state: "waiting" } : { state: "done", files }
    } catch (error) {
      if (!isFault(error) || WAITS.has(error.code)) {
        logger.warn("the app-server could not be told and will be told again", { sessionId, act, error })
        return { state: "unheard" }
      }
      logger.warn("the app-server refused what was decided here", { sessionId, act, error: error.message })
      await db.act((tx) => dropOutbox(tx, id))
      return { state: "refused", fault: error }
    }
  }

  return {
    put,
    perform,
    /** Something may have become possible in this session: it is told what was left. */
    nudge(sessionId: string): void {
      settle(sessionId).catch((error: unknown) => logger.warn("the outbox could not be settled", { error }))
    },
    /** Tells the child everything that was left, as far as it hears. */
    async settleAll(): Promise<void> {
      for (const sessionId of outboxSessions(db)) if (!(await settle(sessionId))) return
    },
    /** Sessions of which the child has still to be told whether they are archived. */
    allArchiving: (): string[] => archivingSessions(db),
    /** True while the child has still to be told whether this session is archived. */
    archiving: (reader: Reader, sessionId: string): boolean => hasArchiving(reader, sessionId),
  }
}
export type Outbox = ReturnType<typeof createOutbox>

/** Failures that say nothing of the act itself. */
const WAITS: ReadonlySet<string> = new Set([
  "runtime_unavailable",
  "codex_timeout",
  "codex_overloaded",
  "shutting_down",
  "storage_full",
])
