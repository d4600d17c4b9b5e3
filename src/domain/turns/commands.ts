// What a session can be asked beside messages: compact, review, fork, roll back, clean its terminals. Each in the session's
// lane, so that none meets a turn that is only just being opened.

import type { Log } from "../../base/events/log.ts"
import { Fault } from "../../base/fault.ts"
import type { Clock } from "../../base/kit/clock.ts"
import type { Lanes } from "../../base/kit/lanes.ts"
import { TIMERS } from "../../base/kit/timers.ts"
import type { Db, Reader, Tx } from "../../base/storage/port.ts"
import type { ControlsRoom } from "../controls/controls.ts"
import { sessionCreated } from "../events.ts"
import type { ThreadRecord } from "../sessions/session.ts"
import type { Sessions } from "../sessions/sessions.ts"
import { lastPlace } from "../transcript/store.ts"
import type { Transcript } from "../transcript/transcript.ts"
import type { RunsTurns, StartReview } from "./child.ts"
import type { Ledger } from "./ledger.ts"
import type { Rollbacks } from "./rollbacks.ts"
import { createRows } from "./rows.ts"
import { activeTurn, copyTurns, turnsOf } from "./store.ts"
import { copyCounts } from "./usage/store.ts"

export interface CommandsNeeds {
  db: Db
  log: Log
  clock: Clock
  controls: ControlsRoom
  sessions: Pick<Sessions, "find" | "learn" | "change" | "touch" | "summary" | "audienceOf">
  transcript: Transcript
  ledger: Ledger
  rollbacks: Rollbacks
  lanes: Lanes
  codex: RunsTurns
  refuseDraining(): void
  refuseDeleted(sessionId: string, reader?: Reader): void
}

type AskReview = Omit<StartReview, "threadId" | "controls"> & {
  /** Who asks, as the author of its entries. */
  by?: string | undefined
}

/** The session that another one comes out of, and who asked for that. */
interface Origin {
  from: string
  by: string | undefined
}

export function createCommands(needs: CommandsNeeds) {
  const {
    db,
    log,
    clock,
    controls,
    sessions,
    transcript,
    ledger,
    rollbacks,
    lanes,
    codex,
    refuseDraining,
    refuseDeleted,
  } = needs
  const sayOf = createRows(needs)

  /** A binary would end the running turn for it, or mix the two up (tried on all four). */
  function refuseBusy(sessionId: string, method: string): void {
    const active = activeTurn(db, sessionId)
    if (!active) return
    throw new Fault("invalid_state", "a turn is running", { method, sessionId, turnId: active.id })
  }

  /** Loads the thread; a failure names what was asked for. */
  async function load(sessionId: string, method: string): Promise<void> {
    refuseDeleted(sessionId)
    await rollbacks.settle(sessionId)
    try {
      await codex.loadThread(sessionId, controls.of(sessionId))
    } catch (error) {
      if (!(error instanceof Fault) || !("method" in error.details)) throw error
      throw new Fault(error.code, error.message, { ...error.details, method }, { cause: error })
    }
  }

  /** The child answers before it has a turn for it: this resolves once the turn has told itself. */
  const compact = (
    sessionId: string,
    by?: string,
  ): Promise<{ result: unknown; turnId: string | undefined }> =>
    lanes.run(sessionId, async () => {
      refuseDraining()
      refuseBusy(sessionId, "thread/compact/start")
      await load(sessionId, "thread/compact/start")
      using opening = ledger.reserve(sessionId, { kind: "compact", controls: controls.of(sessionId), by })
      const result = await codex.compactThread(sessionId)
      const net = Promise.withResolvers<undefined>()
      using _net = clock.after(TIMERS.callDeadlineMs, () => net.resolve(undefined))
      return { result, turnId: await Promise.race([opening.opened, net.promise]) }
    })

  /** `reviewSessionId` is another session's where the review is detached. */
  const review = (sessionId: string, { delivery, target, by }: AskReview) =>
    lanes.run(sessionId, async () => {
      refuseDraining()
      if (delivery === "inline") refuseBusy(sessionId, "review/start")
      await load(sessionId, "review/start")
      const place = delivery === "inline" ? sessionId : `detached/${sessionId}`
      using _place = ledger.reserve(place, { kind: "review", controls: controls.of(sessionId), by })
      const tuple = controls.of(sessionId)
      const started = await codex.startReview({ threadId: sessionId, controls: tuple, delivery, target })
      const { result, turnId, threadId, runId } = started
      await db.act((tx) => {
        if (threadId !== sessionId)
          derive(tx, sessions.find(threadId, tx) ?? { id: threadId }, { from: sessionId, by })
        if (codex.lives(runId)) ledger.open(tx, { sessionId: threadId, id: turnId, runId, askedBy: by })
      })
      return { result, turnId, reviewSessionId: threadId }
    })

  /** A session with the history of this one. Answers it and the thread as the child tells it. */
  const fork = (sessionId: string, by?: string) =>
    lanes.run(sessionId, async () => {
      if (sessions.find(sessionId)?.materialized === false) {
        const about = { method: "thread/fork", sessionId }
        throw new Fault("invalid_state", "nothing was said in this session yet", about)
      }
      await rollbacks.settle(sessionId)
      const thread = await codex.forkThread(sessionId, controls.of(sessionId))
      return db.act((tx) => {
        sessions.learn(tx, thread, { materialized: true })
        derive(tx, thread, { from: sessionId, by })
        const made = sessions.find(thread.id, tx)
        return { session: made && sessions.summary(made, tx), thread }
      })
    })

  /** A session that came out of another one has its history, its controls and its tools. Told once. */
  function derive(tx: Tx, thread: ThreadRecord | { id: string }, { from, by }: Origin): void {
    const made = sessions.find(thread.id, tx) ?? sessions.learn(tx, thread)
    const { dynamicTools } = sessions.find(from, tx) ?? {}
    sessions.change(tx, made.id, { dynamicTools })
    controls.keep(tx, made.id, controls.of(from, tx))
    const copy = { from, to: made.id, places: lastPlace(tx, from) }
    copyTurns(tx, copy)
    transcript.copy(tx, copy)
    sayForked(tx, made.id, { from, by, place: copy.places })
    copyCounts(tx, copy)
    log.append(tx, sessionCreated(sessions.audienceOf(made), sessions.summary(made, tx)))
  }

  /** Takes the last turns back, all of them if there are fewer. */
  const rollback = (sessionId: string, numTurns: number, by?: string) =>
    lanes.run(sessionId, async () => {
      const method = "thread/rollback"
      refuseDeleted(sessionId)
      refuseBusy(sessionId, method)
      await rollbacks.settle(sessionId)
      const turns = turnsOf(db, sessionId).slice(-numTurns)
      if (turns.length === 0)
        throw new Fault("invalid_state", "there is no turn to take back", { method, sessionId, numTurns })
      await load(sessionId, method)
      return rollbacks.take(sessionId, turns, by)
    })

  /** Between what a fork was made of and what is done in it. */
  function sayForked(tx: Tx, sessionId: string, { from, by, place }: Origin & { place: number }): void {
    sayOf(tx, sessionId, {
      kind: "fork",
      type: "thread.forked",
      content: `Forked from session ${from}`,
      about: { sourceSessionId: from },
      place,
      by,
    })
  }

  const cleanTerminals = (sessionId: string): Promise<unknown> =>
    lanes.run(sessionId, async () => {
      await load(sessionId, "thread/backgroundTerminals/clean")
      return codex.cleanTerminals(sessionId)
    })

  return { compact, review, fork, rollback, cleanTerminals }
}
export type Commands = ReturnType<typeof createCommands>
