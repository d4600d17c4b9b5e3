// An event and its handlers: each runs, one after the other, and what it returned becomes an envelope. Actions are performed
// between them, until one is performed; later ones are not eligible (wire-contract §5.4).

import type { Clock } from "../../../base/kit/clock.ts"
import type { Logger } from "../../../base/observe/logger.ts"
import type { ActionStatus, Envelope } from "../contract.ts"
import { isDeclared, type TrustMode } from "../found/judge.ts"
import type { Manifest } from "../found/manifest.ts"
import { readOutcome, type Wanted } from "./envelope.ts"
import type { Outcome, Run } from "./invocations.ts"

export interface PerformInput {
  type: string
  payload: Record<string, unknown>
  idempotencyKey?: string
  scope: Scope
  actor: { kind: "extension"; name: string }
  /** What its manifest declares; undefined where it declares nothing. */
  capabilities: string[] | undefined
}
export interface Performed {
  actionType: string
  status: ActionStatus
  details?: unknown
}
/** How far actions of an event reach. */
export interface Scope {
  projectId?: string | undefined
  sessionId?: string | undefined
  turnId?: string | undefined
}
export type Perform = (input: PerformInput) => Promise<Performed>

/** One handler as it is dispatched to. */
export interface Subscription {
  moduleName: string
  capabilities: Manifest["capabilities"]
  /** Its number in its module. */
  index: number
  type: string
  priority: number
  timeoutMs: number
}

export interface Emitted {
  type: string
  payload: unknown
  scope: Scope
}

export interface DispatchNeeds {
  clock: Clock
  log: Logger
  trustMode: TrustMode
  perform: Perform
}

/** By priority, module name, order of registration. */
export const inOrder = (a: Subscription, b: Subscription): number =>
  a.priority - b.priority ||
  (a.moduleName < b.moduleName ? -1 : a.moduleName > b.moduleName ? 1 : 0) ||
  a.index - b.index

export function createDispatch({ log, trustMode, perform }: DispatchNeeds) {
  type RunsHandlers = (moduleName: string, order: Run) => Promise<Outcome>

  /** All handlers of an event; the envelopes in their order. Never rejects. */
  async function dispatch(
    subscriptions: readonly Subscription[],
    { type, payload, scope }: Emitted,
    run: RunsHandlers,
  ): Promise<Envelope[]> {
    const envelopes: Envelope[] = []
    let winner: { moduleName: string; actionType: string } | undefined
    for (const subscription of subscriptions) {
      const { moduleName, index, timeoutMs: ms } = subscription
      const outcome = await run(moduleName, {
        handler: index,
        ms,
        type,
        payload,
        scope: { scope, subscription },
      })
      const returned = readOutcome(outcome, { moduleName, eventType: type, ms })
      if ("envelope" in returned) {
        envelopes.push(returned.envelope)
        continue
      }
      const { wanted } = returned
      const performed = winner ? tooLate(wanted, winner) : await act(wanted, subscription, scope)
      if (performed.status === "performed") winner ??= { moduleName, actionType: wanted.actionType }
      envelopes.push(enveloped(wanted, moduleName, performed))
    }
    return envelopes
  }

  async function act(wanted: Wanted, subscription: Subscription, scope: Scope): Promise<Performed> {
    const { actionType, payload, idempotencyKey } = wanted
    const { moduleName, capabilities } = subscription
    if (trustMode !== "disabled" && !isDeclared(capabilities?.actions, actionType)) {
      if (trustMode === "enforced") {
        return { actionType, status: "forbidden", details: { code: "undeclared_capability" } }
      }
      log.warn("an extension asks for an action that it does not declare", {
        extension: moduleName,
        actionType,
      })
    }
    try {
      return await perform({
        type: actionType,
        payload,
        scope,
        actor: { kind: "extension", name: moduleName },
        capabilities: capabilities?.actions,
        ...(idempotencyKey !== undefined && { idempotencyKey }),
      })
    } catch (error) {
      log.error("an action failed by a bug", { extension: moduleName, actionType, error })
      const message = error instanceof Error ? error.message : String(error)
      return { actionType, status: "failed", details: { message } }
    }
  }

  return { dispatch }
}

function tooLate({ actionType }: Wanted, winner: { moduleName: string; actionType: string }): Performed {
  const details = {
    code: "action_winner_already_selected",
    winnerModuleName: winner.moduleName,
    winnerActionType: winner.actionType,
  }
  return { actionType, status: "not_eligible", details }
}

const enveloped = (
  { actionType, requestId, idempotencyKey }: Wanted,
  moduleName: string,
  { status, details }: Performed,
): Envelope => ({
  kind: "action_result",
  moduleName,
  actionType,
  status,
  ...(requestId !== undefined && { requestId }),
  ...(idempotencyKey !== undefined && { idempotencyKey }),
  ...(details !== undefined && { details }),
})
