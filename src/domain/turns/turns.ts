// Turns: the one a session is busy with and those before it, the messages that lead to them, and what else a session can be
// asked. One at a time a session (decisions 15–17).

import type { Log } from "../../base/events/log.ts"
import { Fault, isFault } from "../../base/fault.ts"
import type { Clock } from "../../base/kit/clock.ts"
import type { Lanes } from "../../base/kit/lanes.ts"
import type { Db, Reader, Tx } from "../../base/storage/port.ts"
import type { ControlsRoom } from "../controls/controls.ts"
import type { Sessions } from "../sessions/sessions.ts"
import type { Transcript } from "../transcript/transcript.ts"
import type { RunsTurns } from "./child.ts"
import { createCommands } from "./commands.ts"
import { createLedger } from "./ledger.ts"
import { createContinuation } from "./messages/continuation.ts"
import type { Sent } from "./messages/message.ts"
import { createMessages } from "./messages/messages.ts"
import type { EditPrompt, NewPrompt, Prompts } from "./prompts/prompts.ts"
import { createRollbacks } from "./rollbacks.ts"
import { createInterrupt } from "./stops/interrupt.ts"
import {
  activeTurn,
  forgetTurns,
  hasCompleted,
  readTurn,
  realId,
  runningTurns,
  type Turn,
  turnsOf,
} from "./store.ts"

export interface TurnsNeeds {
  db: Db
  log: Log
  clock: Clock
  controls: ControlsRoom
  sessions: Sessions
  transcript: Transcript
  prompts: Prompts
  codex: RunsTurns
  /** One thing at a time a session. */
  lanes: Lanes
  onFault(error: unknown): void
  /** Takes the daemon's secrets out of a text before it is kept. */
  mask(text: string): string
  /** Settles a turn that never began; false if it is over by then. */
  abandon(turn: Turn): Promise<boolean>
  /** These turns are gone: nobody is asked in them any more. */
  takenBack(tx: Tx, sessionId: string, turnIds: readonly string[]): void
  /** `session_deleted` for a session that is gone. */
  deleted(sessionId: string, reader: Reader): Fault | undefined
}

export function createTurns(needs: TurnsNeeds) {
  const { db, prompts, codex, onFault, lanes } = needs
  const ledger = createLedger(needs)
  let draining = false

  function refuseDraining(): void {
    if (draining) throw new Fault("shutting_down", "the daemon is shutting down and takes no new turns")
  }
  /** Throws `session_deleted`: nothing is kept of a session that is gone, so nothing may be said to be. */
  function refuseDeleted(sessionId: string, reader: Reader = db): void {
    const fault = needs.deleted(sessionId, reader)
    if (fault) throw fault
  }
  /** Sends what waits in the session, once its lane is free. */
  function wake(sessionId: string): void {
    if (draining || !prompts.next(sessionId)) return
    lanes
      .run(sessionId, async () => {
        if (!draining) await messages.sendQueued(sessionId)
      })
      .catch(onFault)
  }
  const rollbacks = createRollbacks(needs)
  const shared = { ...needs, ledger, rollbacks, refuseDraining, refuseDeleted, wake }
  const messages = createMessages(shared)
  const commands = createCommands(shared)
  const { carryOn } = createContinuation(shared)

  /** The turn that a client means, by any of its names. */
  const named = (sessionId: string, id: string): Turn | undefined =>
    readTurn(db, sessionId, realId(db, sessionId, id))

  const interrupt = createInterrupt({ db, codex, ledger, named, abandon: needs.abandon })

  /** Joins exactly that turn. Throws `steer_refused`, `steer_failed` (wire-contract §1.6). */
  const steer = (sessionId: string, turnId: string, input: string): Promise<void> =>
    lanes.run(sessionId, async () => {
      const turn = named(sessionId, turnId)
      const about = { sessionId, turnId }
      if (turn?.status !== "inProgress") throw steerFault(about, "conflict", OVER)
      if (turn.kind !== "message")
        throw steerFault(about, "not_eligible", `a ${turn.kind} turn can't be joined`)
      const message = { sessionId, text: input, effort: undefined, over: {} }
      const outcome = await messages.join(turn, message, {}).catch((error: unknown) => {
        throw isFault(error) && REFUSALS.has(error.code) ? steerFault(about, "failed", error.message) : error
      })
      if (outcome === "over") throw steerFault(about, "conflict", OVER)
      if (outcome === "closed") throw steerFault(about, "not_eligible", "the turn can't be joined")
    })

  /** The turn that our own ledger has a message in. */
  function told(sessionId: string, clientId: string): string | undefined {
    const rows = needs.transcript.ofType(db, sessionId, "userMessage")
    return rows.find(
      ({ item }) => item !== undefined && (JSON.parse(item) as { clientId?: unknown }).clientId === clientId,
    )?.turnId
  }

  /** A child is ready: what its predecessor may have taken is settled, and what waits is sent. */
  function resume(): void {
    for (const { id, sessionId } of prompts.dispatched()) {
      lanes.run(sessionId, () => messages.settleDispatched(id)).catch(onFault)
    }
    for (const sessionId of prompts.sessions()) {
      lanes
        .run(sessionId, async () => {
          if (!draining) await messages.sendQueued(sessionId)
        })
        .catch(onFault)
    }
  }

  /** A child is ready: what one before it may have taken back is found out, before its threads are compared with ours. */
  async function settleRollbacks(): Promise<void> {
    for (const id of rollbacks.begun()) await lanes.run(id, () => rollbacks.settle(id)).catch(onFault)
  }

  return {
    send: messages.send,
    /** Loads the thread into the child, with the session's own controls. Throws `dynamic_tools_fixed` for other tools than its own. */
    load: (sessionId: string, tools?: unknown[]): Promise<void> =>
      lanes.run(sessionId, async () => {
        if (tools) await messages.fixTools(sessionId, tools)
        await codex.loadThread(sessionId, needs.controls.of(sessionId))
      }),
    steer,
    interrupt,
    /** Resolves with the turn once it is over, however it ends; undefined when its session is gone. */
    async over(sessionId: string, id: string): Promise<Turn | undefined> {
      for (;;) {
        const turn = readTurn(db, sessionId, realId(db, sessionId, id))
        if (turn?.status !== "inProgress") return turn
        await ledger.endOf(sessionId)
      }
    },
    carryOn,
    ...commands,
    open: ledger.open,
    started: ledger.started,
    isReview: ledger.isReview,
    settle: ledger.settle,
    idOf: ledger.idOf,
    phantoms: ledger.phantoms,
    begun: ledger.begun,
    prompts: {
      list: prompts.list,
      async create(prompt: NewPrompt, done?: (tx: Tx, made: ReturnType<Prompts["view"]>) => void) {
        refuseDraining()
        const made = await db.act((tx) => {
          refuseDeleted(prompt.sessionId, tx)
          const view = prompts.view(prompts.add(tx, prompt), tx)
          done?.(tx, view)
          return view
        })
        wake(prompt.sessionId)
        return made
      },
      async edit(sessionId: string, id: string, change: EditPrompt) {
        const made = await db.act((tx) => {
          refuseDeleted(sessionId, tx)
          return prompts.edit(tx, sessionId, id, change)
        })
        wake(sessionId)
        return made
      },
      cancel: (sessionId: string, id: string) =>
        db.act((tx) => {
          refuseDeleted(sessionId, tx)
          return prompts.cancel(tx, sessionId, id)
        }),
      /** The child told the message back with its id: it has it. */
      heard: (tx: Tx, id: string, turnId: string): void => void prompts.move(tx, id, "accept", { turnId }),
    },
    /** What became of a message that was sent with that id: the turn that has it, if one has. Throws `message_indeterminate`. */
    async recover(
      sessionId: string,
      { clientId, tracked }: { clientId: string; tracked: boolean },
    ): Promise<Sent | undefined> {
      if (!tracked || !codex.tellsClientIds()) {
        const message =
          "it is not known whether the app-server took this message before it ended; it is not sent again"
        throw new Fault("message_indeterminate", message, { sessionId })
      }
      const turnId = told(sessionId, clientId) ?? (await codex.findMessage(sessionId, clientId))
      if (turnId === undefined && messages.isUnsure(clientId)) {
        const message = "the app-server has not said yet whether it took this message; it is not sent again"
        throw new Fault("message_indeterminate", message, { sessionId })
      }
      return turnId === undefined ? undefined : { turnId: realId(db, sessionId, turnId) }
    },
    tracks: (): boolean => codex.tellsClientIds(),
    resume,
    settleRollbacks,
    active: (sessionId: string, reader: Reader = db): Turn | undefined => activeTurn(reader, sessionId),
    find: (sessionId: string, id: string, reader: Reader = db): Turn | undefined =>
      readTurn(reader, sessionId, id),
    /** The turn's own id for any of its names, also those of earlier runs. */
    realId: (sessionId: string, id: string, reader: Reader = db): string => realId(reader, sessionId, id),
    list: (sessionId: string): Turn[] => turnsOf(db, sessionId),
    /** True once a turn of it went to its end: what the model said and did there is the child's to remember. */
    hasCompleted: (sessionId: string): boolean => hasCompleted(db, sessionId),
    running: (reader: Reader = db): Turn[] => runningTurns(reader),
    /** Its session is gone. */
    forget(tx: Tx, sessionId: string): void {
      forgetTurns(tx, sessionId)
      prompts.forget(tx, sessionId)
    },
    /** The session's turn is over. After the commit. */
    ended(sessionId: string): void {
      ledger.ended(sessionId)
      wake(sessionId)
    },
    /** The session is gone. After the commit. */
    deleted(sessionId: string): void {
      ledger.ended(sessionId)
      ledger.deleted(sessionId)
    },
    /** The child is gone. After the commit. */
    gone(): void {
      ledger.gone()
      messages.gone()
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

const OVER = "no active turn to steer"
const REFUSALS: ReadonlySet<string> = new Set(["invalid_state", "invalid_params", "not_found", "codex_error"])

function steerFault(
  { sessionId, turnId }: { sessionId: string; turnId: string },
  code: "conflict" | "not_eligible" | "failed",
  error: string,
): Fault {
  const details = { threadId: sessionId, turnId, error }
  const result = { actionType: "turn.steer", status: code, details }
  return new Fault(code === "failed" ? "steer_failed" : "steer_refused", error, {
    code,
    sessionId,
    turnId,
    result,
  })
}
