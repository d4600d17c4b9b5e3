// What the child asks in a session of the system's own: settled at once, never before a person (wire-contract §6.7). A row in
// that session's transcript says what was asked and what was answered. Tools that the daemon gave it are run by their owner.

import type { Clock } from "../../base/kit/clock.ts"
import type { Tx } from "../../base/storage/port.ts"
import { METHODS, type Params } from "../../domain/requests/kinds.ts"
import type { Request } from "../../domain/requests/store.ts"
import { type Decision, verdictOf } from "../../domain/requests/verdict.ts"
import { RPC, type RpcId } from "../../engine/runtime/protocol/wire.ts"
import type { Rooms } from "../rooms.ts"

/** The answer to a call of a tool that is ours; undefined for a tool that is not. A rejection is a failed call. */
export type OwnTools = (sessionId: string, tool: string, args: unknown) => Promise<ToolAnswer> | undefined

export interface ToolAnswer {
  success: boolean
  contentItems: unknown[]
}

export interface OwnNeeds {
  rooms: Rooms
  clock: Clock
  onFault(error: unknown): void
  ownTools?: OwnTools | undefined
}

export interface OwnRequest {
  tx: Tx
  id: string
  runId: string
  rpcId: RpcId
  method: string
  sessionId: string
  turnId: string | null
  params: Params
  after(fn: () => void): void
}

export function createOwn({ rooms, clock, onFault, ownTools }: OwnNeeds) {
  const { codex } = rooms

  /** Answers it once this is committed. A child that is gone meanwhile needs no answer. */
  function settle(asked: OwnRequest): void {
    const { runId, rpcId, method, sessionId, params, after } = asked
    const answer = (result: unknown) => codex.answer(runId, rpcId, result).catch(onFault)
    const tool = typeof params.tool === "string" ? params.tool : ""
    if (method === "item/tool/call") {
      after(() => {
        const own = tool === "" ? undefined : ownTools?.(sessionId, tool, params.arguments)
        const said = own?.catch((error: unknown) =>
          failure(error instanceof Error ? error.message : String(error)),
        )
        void (said ?? Promise.resolve(failure(`${tool || "this tool"} is unsupported here`))).then(answer)
      })
      return
    }
    const decided = decisionFor(method)
    tell(asked, decided)
    after(() => {
      const request = { method, params: JSON.stringify(params) } as Request
      if (decided) void answer(verdictOf(request, decided))
      else
        codex.refuse(
          runId,
          rpcId,
          RPC.invalidRequest,
          `codexd does not answer ${method} in a session of its own`,
        )
    })
  }

  function tell({ tx, id, method, sessionId, turnId }: OwnRequest, decided: Decision | undefined): void {
    const decision = decided && "decision" in decided ? decided.decision : "refused"
    const phase = "system_request_reconciliation"
    const messageId = `agent-worker-lifecycle::system-request::${id}`
    const now = clock.now()
    rooms.transcript.put(tx, sessionId, {
      messageId,
      turnId: turnId ?? messageId,
      role: "system",
      type: "agent.worker.lifecycle",
      content: `${method}: ${decision}`,
      details: JSON.stringify({ phase, requestId: id, method, decision }),
      status: decided ? "complete" : "error",
      startedAt: now,
      completedAt: now,
    })
  }

  return { settle }
}
export type Own = ReturnType<typeof createOwn>

/** Nobody is there to say yes. */
function decisionFor(method: string): Decision | undefined {
  switch (METHODS[method]?.kind) {
    case "approval":
      return { kind: "approval", decision: "decline", scope: "turn" }
    case "tool_input":
      return { kind: "tool_input", decision: "cancel" }
    default:
      return undefined
  }
}

const failure = (text: string): ToolAnswer => ({
  success: false,
  contentItems: [{ type: "inputText", text }],
})
