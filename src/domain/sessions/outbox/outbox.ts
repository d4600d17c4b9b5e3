// What was decided here and must become true in the child: kept with the decision, told to the child in the order of the
// decisions, one session at a time. A child that dies in between is told again when the next one is ready.

import { type Fault, isFault } from "../../../base/fault.ts"
import type { Clock } from "../../../base/kit/clock.ts"
import type { Lanes } from "../../../base/kit/lanes.ts"
import type { Logger } from "../../../base/observe/logger.ts"
import type { Db, Reader, Tx } from "../../../base/storage/port.ts"
import {
  archivingSessions,
  dropOutbox,
  forgetNames,
  forgetOutbox,
  hasArchiving,
  keptSessions,
  lastArchive,
  nextOutbox,
  noteAttempt,
  type OutboxAct,
  type OutboxRow,
  outboxSessions,
  putOutbox,
  sizeOfOutbox,
  takeAttemptBack,
} from "./store.ts"

export interface TellsChild {
  /** False while there is no child that could be told. */
  ready(): boolean
  /** Tells the child once. `later` leaves the act for a moment in which it makes sense. Throws faults. */
  perform(row: OutboxRow): Promise<{ later?: true; files?: number }>
  /** The act was tried too often: does what can be done without the child's consent. */
  giveUp(row: OutboxRow): Promise<{ files?: number }>
}

export interface OutboxNeeds {
  db: Db
  clock: Clock
  logger: Logger
  child: TellsChild
  /** One thing at a time a session: what it is asked otherwise waits here, too. */
  lanes: Lanes
  /** The child refused that act, and nobody knows better: what it stood for is taken back. True if something was. */
  refused(tx: Tx, row: OutboxRow): boolean
}

export type Outcome =
  | { state: "done"; files: number }
  /** The child was not told yet and will be. */
  | { state: "waiting" }
  /** `again`: it was tried before and nobody knows how that ended, so the refusal may be of what is already done. */
  | { state: "refused"; fault: Fault; again: boolean; takenBack: boolean }

/** Nobody hears, or this one act failed: others may be heard. */
type Unheard = { state: "unheard"; by: "child" | "act" }

/** An act that failed so often, or that no child survived, is given up: it would with every next one too. */
const MOST_ATTEMPTS = 5

export function createOutbox({ db, clock, logger, child, lanes, refused }: OutboxNeeds) {
  const asked = new Map<number, PromiseWithResolvers<Outcome>>()
  /** Threads that went, and how many of them had gone when the acts that the child could not do yet were tried. */
  let gone = 0
  let triedAt = 0
  let retrying = Promise.resolve()

  /** Notes an act; `perform` tells the child once this is committed. A later name stands for every earlier one, a delete for everything. */
  function put(tx: Tx, sessionId: string, act: OutboxAct, body?: unknown): number {
    if (act === "delete") forgetOutbox(tx, sessionId)
    if (act === "name") forgetNames(tx, sessionId)
    return putOutbox(tx, { sessionId, act, body, at: clock.now() })
  }

  /** Resolves when the act was tried, or at once as `waiting` without a child. Acts before it go first. Several may ask for one act. */
  async function perform(sessionId: string, id: number): Promise<Outcome> {
    const waiter = asked.get(id) ?? Promise.withResolvers<Outcome>()
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

  /** One after the other. When one has to wait, nobody waits for the rest: a child that hangs would cost each a deadline. */
  async function performAll(acts: readonly { sessionId: string; told: number }[]): Promise<Outcome[]> {
    const outcomes: Outcome[] = []
    let waits = false
    for (const { sessionId, told } of acts) {
      if (waits) nudge(sessionId)
      const outcome: Outcome = waits ? { state: "waiting" } : await perform(sessionId, told)
      waits ||= outcome.state === "waiting"
      outcomes.push(outcome)
    }
    void retryKept()
    return outcomes
  }

  /** Something is gone: what the child held on to for its sake can go by now, and what that was held for. Resolves when nothing more can. */
  function retryKept(): Promise<void> {
    retrying = retrying.then(retry).catch((error: unknown) => {
      logger.warn("the outbox could not be settled", { error })
    })
    return retrying
  }

  async function retry(): Promise<void> {
    while (triedAt !== gone) {
      triedAt = gone
      for (const sessionId of keptSessions(db)) if (!(await settle(sessionId))) return
    }
  }

  /** Something may have become possible in this session: it is told what was left. */
  function nudge(sessionId: string): void {
    settle(sessionId).catch((error: unknown) => logger.warn("the outbox could not be settled", { error }))
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
          return outcome.by === "act"
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

  async function giveUp(row: OutboxRow): Promise<Outcome> {
    const { id, sessionId, act, attempts } = row
    logger.error("an act that failed with every try was given up", { sessionId, act, attempts })
    const { files = 0 } = await child.giveUp(row).catch((error: unknown) => {
      logger.error("not everything of an act that was given up could be done", { sessionId, act, error })
      return { files: 0 }
    })
    await db.act((tx) => dropOutbox(tx, id))
    return { state: "done", files }
  }

  /** A deletion was tried when so many threads had gone. */
  function tried(before: number, later: true | undefined): void {
    if (!later) gone++
    // What it had to wait for may have gone while the child answered: whoever tried the kept ones then did not see it.
    else if (before !== gone) {
      triedAt = before
      void retryKept()
    }
  }

  async function tell(row: OutboxRow): Promise<Outcome | Unheard> {
    const { id, sessionId, act, attempts } = row
    if (!child.ready()) return { state: "unheard", by: "child" }
    if (attempts >= MOST_ATTEMPTS) return giveUp(row)
    await db.act((tx) => noteAttempt(tx, id))
    const before = gone
    try {
      const { later, files = 0 } = await child.perform(row)
      await db.act((tx) => (later ? takeAttemptBack(tx, id) : dropOutbox(tx, id)))
      if (act === "delete") tried(before, later)
      return later ? { state: "waiting" } : { state: "done", files }
    } catch (error) {
      // `codex_error` is the child's own failure (-32603: its disk, its database), not a verdict on the act.
      const failed = !isFault(error) || error.code === "codex_error"
      if (failed || WAITS.has(error.code)) {
        logger.warn("the app-server could not be told and will be told again", { sessionId, act, error })
        return { state: "unheard", by: failed ? "act" : "child" }
      }
      logger.warn("the app-server refused what was decided here", { sessionId, act, error: error.message })
      const again = attempts > 0
      const takenBack = await db.act((tx) => {
        dropOutbox(tx, id)
        return !again && refused(tx, row)
      })
      return { state: "refused", fault: error, again, takenBack }
    }
  }

  return {
    put,
    perform,
    performAll,
    nudge,
    /** Tells the child everything that was left, as far as it hears. What fails in one session is no reason for the next. */
    async settleAll(): Promise<void> {
      for (const sessionId of outboxSessions(db)) {
        const heard = await settle(sessionId).catch((error: unknown) => {
          logger.warn("the outbox could not be settled", { sessionId, error })
          return true
        })
        if (!heard) return
      }
      await retryKept()
    },
    /** The child says that a thread is gone: one that it was made of may go, too. */
    freed(): void {
      gone++
      void retryKept()
    },
    /** How much the child has still to be told, and since when. */
    size: () => sizeOfOutbox(db),
    /** Sessions of which the child has still to be told whether they are archived. */
    allArchiving: (): string[] => archivingSessions(db),
    /** True while the child has still to be told whether this session is archived. */
    archiving: (reader: Reader, sessionId: string): boolean => hasArchiving(reader, sessionId),
    /** The newest archiving of which the child has still to be told. */
    lastArchive: (reader: Reader, sessionId: string): OutboxRow | undefined => lastArchive(reader, sessionId),
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
