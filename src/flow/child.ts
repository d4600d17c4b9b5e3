// The child as the rooms need it: their words on this side, the app-server's on the other.

import { type Controls, sandboxPolicyOf } from "../domain/controls/tuple.ts"
import type { AnswersRequests } from "../domain/requests/requests.ts"
import type { ThreadRecord } from "../domain/sessions/session.ts"
import type { StartsThreads } from "../domain/sessions/sessions.ts"
import type { RunsTurns } from "../domain/turns/turns.ts"
import type { Codex, Policy } from "../engine/runtime/codex.ts"

export const createChild = (codex: Codex): StartsThreads & RunsTurns & AnswersRequests => ({
  startThread: ({ cwd, controls, dynamicTools }): Promise<ThreadRecord> =>
    codex.startThread({ cwd, policy: policyOf(controls), dynamicTools }),
  loadThread: (threadId, controls) => codex.loadThread(threadId, policyOf(controls)),
  startTurn: ({ threadId, text, controls, effort }) =>
    codex.startTurn({ threadId, text, policy: policyOf(controls), effort }),
  steerTurn: codex.steerTurn,
  interruptTurn: codex.interruptTurn,
  answer: codex.answer,
})

const policyOf = (controls: Controls): Policy => ({
  model: controls.model,
  approvalPolicy: controls.approvalPolicy,
  sandbox: controls.filesystemSandbox,
  sandboxPolicy: sandboxPolicyOf(controls),
})
