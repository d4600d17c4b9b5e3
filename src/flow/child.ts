// The child as the rooms need it: their words on this side, the app-server's on the other.

import { isFault } from "../base/fault.ts"
import { type Controls, sandboxPolicyOf } from "../domain/controls/tuple.ts"
import type { AnswersRequests } from "../domain/requests/requests.ts"
import type { Session, ThreadRecord } from "../domain/sessions/session.ts"
import type { StartsThreads } from "../domain/sessions/sessions.ts"
import type { RunsTurns } from "../domain/turns/turns.ts"
import type { Codex, Policy } from "../engine/runtime/codex.ts"
import { isBlankThread } from "../engine/runtime/protocol/faults.ts"

export interface ChildNeeds {
  codex: Codex
  sessionOf(id: string): Session | undefined
  /** Makes the new thread of a session durable. */
  keepAlias(alias: { outer: string; inner: string }): Promise<void>
}

export function createChild({
  codex,
  sessionOf,
  keepAlias,
}: ChildNeeds): StartsThreads & RunsTurns & AnswersRequests {
  /**
   * A session that no turn was sent to yet may have been forgotten by the child, and one whose first turn died with it may
   * have left an empty file: its thread is started anew.
   */
  async function loadThread(threadId: string, controls: Controls): Promise<void> {
    try {
      await codex.loadThread(threadId, policyOf(controls))
    } catch (error) {
      const session = sessionOf(threadId)
      if (!isFault(error, "not_found") || !session) throw error
      if (session.materialized && !isBlankThread(error.message)) throw error
      const { cwd, dynamicTools } = session
      const tools = dynamicTools === undefined ? undefined : (JSON.parse(dynamicTools) as unknown[])
      await codex.startAnew(threadId, { cwd, policy: policyOf(controls), dynamicTools: tools }, keepAlias)
    }
  }
  return {
    startThread: ({ cwd, controls, dynamicTools }): Promise<ThreadRecord> =>
      codex.startThread({ cwd, policy: policyOf(controls), dynamicTools }),
    loadThread,
    startTurn: ({ threadId, text, controls, effort }) =>
      codex.startTurn({ threadId, text, policy: policyOf(controls), effort }),
    steerTurn: codex.steerTurn,
    interruptTurn: codex.interruptTurn,
    lives: codex.lives,
    answer: codex.answer,
  }
}

const policyOf = (controls: Controls): Policy => ({
  model: controls.model,
  approvalPolicy: controls.approvalPolicy,
  sandbox: controls.filesystemSandbox,
  sandboxPolicy: sandboxPolicyOf(controls),
})
