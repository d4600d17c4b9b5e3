// Messages on their way into a turn (decisions 16): one joins the message turn that runs, waits as a prompt while a review or
// a compaction runs, starts a turn otherwise. All of a session's go one after the other, in its lane.

import { Fault, isFault } from "../../../base/fault.ts"
import type { Lanes } from "../../../base/kit/lanes.ts"
import type { Db, Reader, Tx } from "../../../base/storage/port.ts"
import type { ControlsRoom } from "../../controls/controls.ts"
import { isStricter } from "../../controls/strict.ts"
import { type Controls, withOverrides } from "../../controls/tuple.ts"
import type { Sessions } from "../../sessions/sessions.ts"
import { mayBeDone, type RunsTurns } from "../child.ts"
import type { Ledger } from "../ledger.ts"
import type { Prompts } from "../prompts/prompts.ts"
import type { Rollbacks } from "../rollbacks.ts"
import { activeTurn, notePolicy, readTurn, type Turn, turnsOf } from "../store.ts"
import type { Message, SendMessage, Sent, WhenBusy, Witness } from "./message.ts"
import { differingTools, fixedTools } from "./tools.ts"

export interface MessagesNeeds {
  db: Db
  controls: ControlsRoom
  sessions: Pick<Sessions, "find">
  prompts: Prompts
  ledger: Ledger
  rollbacks: Pick<Rollbacks, "settle">
  lanes: Lanes
  codex: RunsTurns
  /** Throws `shutting_down` once the daemon takes no more turns. */
  refuseDraining(): void
  /** Throws `session_deleted`. */
  refuseDeleted(sessionId: string, reader?: Reader): void
  /** Has the session's lane look for prompts that can be sent. */
  wake(sessionId: string): void
}

export function createMessages(needs: MessagesNeeds) {
  const {
    db,
    controls,
    sessions,
    prompts,
    ledger,
    rollbacks,
    lanes,
    codex,
    refuseDraining,
    refuseDeleted,
    wake,
  } = needs
  /** Ids of messages that a living child gave no answer to. */
  const unsure = new Set<string>()

  /** Throws, besides what the child refuses, `turn_busy`, `policy_stricter`, `dynamic_tools_fixed`, `shutting_down`. */
  const send = (sessionId: string, message: SendMessage, witness: Witness = {}): Promise<Sent> =>
    lanes.run(sessionId, async () => {
      refuseDraining()
      refuseDeleted(sessionId)
      await rollbacks.settle(sessionId)
      const { text, effort, whenBusy = "steer", dynamicTools, ...over } = message
      const given: Message = { sessionId, text, effort, over }
      if (dynamicTools) await fixTools(sessionId, dynamicTools)
      return place(given, whenBusy, witness)
    })

  async function place(given: Message, whenBusy: WhenBusy, witness: Witness): Promise<Sent> {
    const { sessionId } = given
    // What was queued before goes before.
    if (!activeTurn(db, sessionId)) await sendQueued(sessionId)
    const active = activeTurn(db, sessionId)
    if (!active)
      return whenBusy === "queue" && prompts.next(sessionId) ? keep(given, witness) : begin(given, witness)
    if (whenBusy === "reject")
      throw new Fault("turn_busy", "a turn is running", { sessionId, turnId: active.id })
    if (whenBusy === "queue" || active.kind !== "message") return keep(given, witness)
    refuseStricter(active, given)
    const outcome = await join(active, given, witness)
    if (outcome === "closed") return keep(given, witness)
    if (outcome !== "over") return outcome
    // Its end may not be told yet: then nothing of the session is asked twice.
    return activeTurn(db, sessionId)?.id === active.id
      ? begin(given, witness)
      : place(given, whenBusy, witness)
  }

  /** Joins the running turn. `over`: it has ended. `closed`: nobody can join it. */
  async function join(active: Turn, message: Message, witness: Witness): Promise<Sent | "over" | "closed"> {
    const { sessionId, text, effort, over } = message
    const hadBegun = ledger.hasBegun(active)
    try {
      await codex.steerTurn({ threadId: sessionId, turnId: active.id, text, clientId: witness.clientId })
    } catch (error) {
      if (isFault(error, "turn_not_steerable")) return "closed"
      if (isUnheard(error) && witness.clientId !== undefined) unsure.add(witness.clientId)
      if (!isFault(error, "no_active_turn")) throw error
      return !hadBegun && (await ledger.begins(active)) ? join(active, message, witness) : "over"
    }
    return afterwards((tx) => {
      refuseDeleted(sessionId, tx)
      const now = tupleOf(active)
      const later = withOverrides(now, over)
      const sent: Sent = {
        turnId: active.id,
        ...(same(now, later) ? {} : { appliesFrom: "next_turn" }),
        ...(effort === undefined ? {} : { notApplied: ["effort"] }),
      }
      ledger.hear(tx, active, text)
      if (Object.keys(over).length > 0) controls.stick(tx, sessionId, over)
      witness.done?.(tx, sent)
      return sent
    })
  }

  function doubt(sessionId: string, clientId: string | undefined): void {
    ledger.doubt(sessionId)
    if (clientId !== undefined) unsure.add(clientId)
  }

  async function begin(message: Message, witness: Witness): Promise<Sent> {
    const waited = await ledger.isSure(message.sessionId, () => codex.findMessage(message.sessionId, ""))
    if (waited && activeTurn(db, message.sessionId)) return place(message, "steer", witness)
    await codex.loadThread(message.sessionId, withOverrides(controls.of(message.sessionId), message.over))
    refuseDeleted(message.sessionId)
    return launch(message, witness)
  }

  async function launch(
    { sessionId, text, effort, over }: Message,
    { clientId, done }: Witness,
  ): Promise<Sent> {
    const tuple = withOverrides(controls.of(sessionId), over)
    using _place = ledger.reserve(sessionId, { kind: "message", controls: tuple })
    const start = { threadId: sessionId, text, controls: tuple, effort, clientId }
    const { turnId, runId, policy } = await codex.startTurn(start).catch((error: unknown) => {
      if (isUnheard(error)) doubt(sessionId, clientId)
      throw error
    })
    return afterwards((tx) => {
      refuseDeleted(sessionId, tx)
      // The run may have ended since it answered: a turn opened now would have nobody to end it.
      if (!readTurn(tx, sessionId, turnId) && !codex.lives(runId)) {
        throw new Fault("runtime_unavailable", "the app-server ended as the turn began")
      }
      ledger.open(tx, { sessionId, id: turnId, runId })
      ledger.hear(tx, { sessionId, id: turnId }, text)
      if (policy?.note !== undefined) notePolicy(tx, { sessionId, id: turnId }, policy)
      controls.stick(tx, sessionId, over)
      done?.(tx, { turnId })
      return { turnId }
    })
  }

  /** The child has the message by now: whoever is told of a failure must not send it again. */
  async function afterwards<T>(fn: (tx: Tx) => T): Promise<T> {
    try {
      return await db.act(fn)
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      throw new Fault(error.code, error.message, { ...error.details, delivered: "unknown" }, { cause: error })
    }
  }

  async function keep({ sessionId, text, effort, over }: Message, witness: Witness): Promise<Sent> {
    const sent = await db.act((tx) => {
      refuseDeleted(sessionId, tx)
      const prompt = prompts.add(tx, { sessionId, text, overrides: { ...over, ...(effort && { effort }) } })
      const sent: Sent = { turnId: prompt.id, queued: true }
      witness.done?.(tx, sent)
      return sent
    })
    // The turn may have ended while it was written.
    wake(sessionId)
    return sent
  }

  function refuseStricter(active: Turn, { sessionId, over }: Message): void {
    const now = tupleOf(active)
    if (!isStricter(withOverrides(now, over), now)) return
    const message =
      'the running turn has a looser policy than the message asks for; whenBusy "queue" waits for its end'
    throw new Fault("policy_stricter", message, { sessionId, turnId: active.id })
  }

  /** The tuple that the turn runs with; for one that we didn't start, the session's. */
  const tupleOf = ({ sessionId, controls: own }: Turn): Controls => ({
    ...controls.of(sessionId),
    ...(own === undefined ? {} : (JSON.parse(own) as Partial<Controls>)),
  })

  async function fixTools(sessionId: string, tools: unknown[]): Promise<void> {
    const session = sessions.find(sessionId)
    const differing = differingTools(session?.dynamicTools, tools)
    if (!differing) return
    if (!session || session.materialized || turnsOf(db, sessionId).length > 0)
      throw fixedTools(sessionId, differing)
    await codex.restartThread(sessionId, controls.of(sessionId), tools)
  }

  /** Sends what is queued until a turn runs. In the session's lane. */
  async function sendQueued(sessionId: string): Promise<void> {
    if (prompts.next(sessionId)) await rollbacks.settle(sessionId)
    for (let next = prompts.next(sessionId); next; next = prompts.next(sessionId)) {
      await ledger.isSure(sessionId, () => codex.findMessage(sessionId, ""))
      if (activeTurn(db, sessionId) || !(await dispatch(next.id, sessionId))) return
    }
  }

  /** False when nothing can be sent now. */
  async function dispatch(id: string, sessionId: string): Promise<boolean> {
    const row = prompts.find(id)
    if (!row) return true
    try {
      const { effort: _effort, ...over } = row.overrides
      await codex.loadThread(sessionId, withOverrides(controls.of(sessionId), over))
      // Committed before a word of it leaves: after a kill it is known that it may have arrived.
      const tracked = codex.tellsClientIds()
      const sent = await db.act((tx) => prompts.move(tx, id, "dispatch", { tracked }))
      if (!sent) return true
      const { effort, ...own } = sent.overrides
      const message = { sessionId, text: sent.text, effort, over: own }
      const done = (tx: Tx, { turnId }: Sent) => void prompts.move(tx, id, "accept", { turnId })
      await launch(message, { clientId: id, done })
      return true
    } catch (error) {
      return shelve(id, error)
    }
  }

  async function shelve(id: string, error: unknown): Promise<boolean> {
    const reason = error instanceof Error ? error.message : String(error)
    if (mayBeDone(error)) {
      // A tracked one is looked for when the child is back; until then it stays dispatched.
      await db.act((tx) => {
        if (!prompts.find(id, tx)?.tracked) prompts.move(tx, id, "doubt", { reason })
      })
      return false
    }
    const later = LATER.some((code) => isFault(error, code))
    await db.act((tx) => {
      if (later) prompts.move(tx, id, "return", { reason })
      else prompts.move(tx, id, "fail", { reason })
    })
    if (!(error instanceof Fault)) throw error
    return !later
  }

  /** A child is there again: what was sent to the one before is looked for, or said to be in doubt. In the session's lane. */
  async function settleDispatched(id: string): Promise<void> {
    const row = prompts.find(id)
    if (row?.state !== "dispatched") return
    const doubt = (reason: string) => db.act((tx) => prompts.move(tx, id, "doubt", { reason }))
    if (!row.tracked || !codex.tellsClientIds()) {
      await doubt("the app-server or the daemon ended before it said whether it took the message")
      return
    }
    let turnId: string | undefined
    try {
      turnId = await codex.findMessage(row.sessionId, id)
    } catch (error) {
      if (!isFault(error, "not_found")) throw error
      await doubt("the app-server has lost the thread that the message was sent to")
      return
    }
    await db.act((tx) => {
      if (turnId === undefined) prompts.move(tx, id, "return", { reason: "it had not arrived" })
      else prompts.move(tx, id, "accept", { turnId })
    })
  }

  return {
    send,
    join,
    sendQueued,
    settleDispatched,
    fixTools,
    /** True while the child that may have this message lives: that it is not found proves nothing yet. */
    isUnsure: (clientId: string): boolean => unsure.has(clientId),
    /** The child is gone: what it took is in its history. */
    gone: (): void => unsure.clear(),
  }
}
export type Messages = ReturnType<typeof createMessages>

/** No answer in time from a child that lives; one that died with the call says `runtime_unavailable`. */
const isUnheard = (error: unknown): boolean => isFault(error, "codex_timeout") && mayBeDone(error)

/** Failures that say nothing about the message: it is sent when the child or the disk is back. */
const LATER = ["runtime_unavailable", "shutting_down", "storage_full", "codex_overloaded"] as const

const same = (a: Controls, b: Controls): boolean =>
  a.model === b.model &&
  JSON.stringify(a.approvalPolicy) === JSON.stringify(b.approvalPolicy) &&
  a.networkAccess === b.networkAccess &&
  a.filesystemSandbox === b.filesystemSandbox
