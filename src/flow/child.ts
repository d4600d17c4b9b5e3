// The child as the rooms need it: their words on this side, the app-server's on the other.

import { Fault, isFault } from "../base/fault.ts"
import type { Clock } from "../base/kit/clock.ts"
import { TIMERS } from "../base/kit/timers.ts"
import { type Controls, sandboxPolicyOf } from "../domain/controls/tuple.ts"
import type { AnswersRequests } from "../domain/requests/machine/decide.ts"
import type { Session, ThreadRecord } from "../domain/sessions/session.ts"
import type { StartsThreads } from "../domain/sessions/sessions.ts"
import type { RunsTurns } from "../domain/turns/child.ts"
import type { Codex, MadeAnew, Policy } from "../engine/runtime/codex.ts"
import { isBlankThread } from "../engine/runtime/protocol/faults.ts"
import type { Mark } from "../engine/runtime/threads/rollback.ts"

export interface ChildNeeds {
  codex: Codex
  clock: Clock
  sessionOf(id: string): Session | undefined
  /** True once a turn of that session went to its end. */
  hasCompleted(id: string): boolean
  /** Makes the new thread of a session durable, and its tools where they are others now. */
  keepAlias(alias: MadeAnew & { dynamicTools?: string }): Promise<void>
  /** The child has a thread that it didn't have before: some of what it could not be told before it can now (0.105: a name). */
  loaded(threadId: string): void
}

export function createChild({
  codex,
  clock,
  sessionOf,
  hasCompleted,
  keepAlias,
  loaded,
}: ChildNeeds): StartsThreads & RunsTurns & AnswersRequests {
  /**
   * A session that no turn was sent to yet may have been forgotten by the child, and one whose first turn died with it may
   * have left an empty file, or none (0.169: it is made a moment after the turn's first words): its thread is started anew.
   */
  async function loadThread(threadId: string, controls: Controls): Promise<void> {
    // Binaries differ here (0.130 resumes it, later ones refuse, 0.105 does not find it): it is archived for all of them.
    if (sessionOf(threadId)?.archived) {
      const about = { method: "thread/resume", sessionId: threadId }
      throw new Fault("invalid_state", "the session is archived: bring it back first", about)
    }
    try {
      if (await codex.loadThread(threadId, policyOf(controls))) loaded(threadId)
    } catch (error) {
      const session = sessionOf(threadId)
      if (!isFault(error, "not_found") || !session) throw error
      if (session.materialized && hasCompleted(threadId) && !isBlankThread(error.message)) throw error
      const { cwd, dynamicTools } = session
      const tools = dynamicTools === undefined ? undefined : (JSON.parse(dynamicTools) as unknown[])
      await codex.startAnew(threadId, { cwd, policy: policyOf(controls), dynamicTools: tools }, keepAlias)
    }
  }
  /** The session's thread is started anew, with other tools. */
  async function restartThread(threadId: string, controls: Controls, tools: unknown[]): Promise<void> {
    const session = sessionOf(threadId)
    if (!session) throw new Fault("session_not_found", "no such session", { sessionId: threadId })
    const start = { cwd: session.cwd, policy: policyOf(controls), dynamicTools: tools }
    const dynamicTools = JSON.stringify(tools)
    await codex.startAnew(threadId, start, (alias) => keepAlias({ ...alias, dynamicTools }))
  }

  async function findMessage(threadId: string, clientId: string): Promise<string | undefined> {
    const isIt = (item: { type: string; clientId?: unknown }) =>
      item.type === "userMessage" && item.clientId === clientId
    try {
      const turns = await codex.history(threadId)
      return turns.find((turn) => turn.items?.some(isIt))?.id
    } catch (error) {
      // A thread without a turn was forgotten with the child.
      if (isFault(error, "not_found") && !sessionOf(threadId)?.materialized) return undefined
      throw error
    }
  }

  return {
    startThread: ({ cwd, controls, dynamicTools, keep }): Promise<ThreadRecord> =>
      codex.startThread({ cwd, policy: policyOf(controls), dynamicTools }, keep),
    loadThread,
    startTurn: ({ threadId, text, controls, effort, clientId }) =>
      codex.startTurn({ threadId, text, policy: policyOf(controls), effort, clientId }),
    steerTurn: codex.steerTurn,
    interruptTurn: codex.interruptTurn,
    compactThread: codex.compactThread,
    async startReview({ controls, ...review }) {
      await codex.applyPolicy(review.threadId, policyOf(controls))
      return codex.startReview(review)
    },
    cleanTerminals: codex.cleanTerminals,
    forkThread: (threadId, controls): Promise<ThreadRecord> => codex.forkThread(threadId, policyOf(controls)),
    takeBack: ({ threadId, turns, controls, begin }) =>
      codex.takeBack({ threadId, turns, policy: policyOf(controls), begin, keep: keepAlias }),
    hasTakenBack: (threadId, mark, begunAt) =>
      codex.hasTakenBack({
        ...{ threadId, mark: mark as Mark, begunAt },
        isKnown: (id) => sessionOf(id) !== undefined,
        keep: keepAlias,
      }),
    restartThread,
    findMessage,
    tellsClientIds: codex.tellsClientIds,
    lives: codex.lives,
    async answer(runId, rpcId, result) {
      await codex.answer(runId, rpcId, result)
      // A write to a pipe wakes its reader on the writer's own core, where it waits while we work on: 0.4 ms in place of 0.2
      // (scripts/bench/requests.ts, two cores).
      await new Promise<void>((resolve) => clock.after(TIMERS.readingMs, resolve))
    },
  }
}

const policyOf = (controls: Controls): Policy => ({
  model: controls.model,
  approvalPolicy: controls.approvalPolicy,
  sandbox: controls.filesystemSandbox,
  sandboxPolicy: sandboxPolicyOf(controls),
})
