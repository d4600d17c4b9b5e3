// A decision and what it is in the app-server's words, by kind (wire-contract §1.8): which decisions a request takes, what a
// given one becomes for it, the result that is written, and what is told of it.

import { type Choice, grantOf, type Network, offered, orders, wordsOf } from "./asks/approvals.ts"
import { formOf, persistsOf } from "./asks/elicitation.ts"
import { fittedInput, inputVerdict } from "./asks/input.ts"
import type { Answers } from "./asks/questions.ts"
import { type Kind, methodOf, type Params } from "./kinds.ts"
import type { Request } from "./store.ts"

export interface Approval {
  kind: "approval"
  decision: "accept" | "decline" | "cancel"
  scope: "turn" | "session"
  /** Commands that start so ask no more; one that the app-server offered. */
  execpolicyAmendment?: string[] | undefined
  /** A host that is allowed (accept) or denied (decline) from now on; one that the app-server offered. */
  networkPolicyAmendment?: Network | undefined
  /** Less than was asked for. */
  permissions?: Record<string, unknown> | undefined
}
export interface Input {
  kind: "tool_input"
  decision: "accept" | "decline" | "cancel"
  answers?: Answers | undefined
  /** An MCP form's content as it is, instead of answers. */
  content?: Record<string, unknown> | undefined
  /** How long a yes to an MCP tool holds, where more than this once is offered. */
  scope?: "turn" | "session" | "always" | undefined
  response?: unknown
  /** Stands for answers that are secret; such a decision is stored, never sent. */
  sealed?: string
}
export interface CallAnswer {
  kind: "tool_call"
  success?: boolean | undefined
  text?: string | undefined
  contentItems?: unknown[] | undefined
  response?: unknown
}
export type Decision = Approval | Input | CallAnswer

type Asking = Pick<Request, "method" | "params">
const paramsOf = ({ params }: Asking): Params => JSON.parse(params) as Params

/** The result that is sent to the child. */
export function verdictOf(request: Asking, decided: Decision): unknown {
  switch (decided.kind) {
    case "approval":
      return approvalVerdict(request, decided)
    case "tool_input":
      return inputVerdict(request.method, paramsOf(request), decided)
    case "tool_call":
      if ("response" in decided) return decided.response
      return { contentItems: contentOf(decided), success: decided.success ?? true }
  }
}

function approvalVerdict(request: Asking, decided: Approval): unknown {
  if (methodOf(request).topic !== "permissions") return { decision: orders(request.method, decided) }
  const isGranted = decided.decision === "accept"
  const granted = isGranted ? grantOf(decided.permissions ?? paramsOf(request).permissions) : {}
  return { permissions: granted, scope: isGranted ? decided.scope : "turn" }
}

/**
 * The decision as this request can take it. An accept for the session becomes one for the turn where the child doesn't offer
 * more; `decline` and `cancel` are taken by every binary, offered or not (tried on all four). What was never offered, and
 * questions left open, are `invalid_request` and change nothing.
 */
export function fitted(request: Asking, decided: Decision): Decision {
  switch (decided.kind) {
    case "approval":
      return offered(request.method, paramsOf(request), decided)
    case "tool_input":
      return fittedInput(request.method, paramsOf(request), decided)
    case "tool_call":
      return decided
  }
}

/** What is sent when nobody decides in time: nothing happens, nothing is answered, the call has failed. */
export function safeDecision({ kind }: { kind: Kind }, why: string): Decision {
  switch (kind) {
    case "approval":
      return { kind, decision: "decline", scope: "turn" }
    case "tool_input":
      return { kind, decision: "decline" }
    case "tool_call":
      return { kind, success: false, text: why }
  }
}

/** Bodies that its decision route takes. A tool call is answered freely and has none. */
export function choicesOf(request: Asking): Choice[] {
  const { kind, topic } = methodOf(request)
  const params = paramsOf(request)
  if (kind === "tool_call") return []
  if (kind === "approval") return wordsOf(request.method, params)
  const scopes = topic === "elicitation" ? persistsOf(params) : []
  const more = scopes.filter((scope) => scope === "session" || scope === "always")
  const isPlain = topic !== "elicitation" || ["form", "url"].includes(formOf(params).mode)
  const accepts: Choice[] = isPlain
    ? [{ decision: "accept" }, ...more.map((scope) => ({ decision: "accept" as const, scope }))]
    : []
  return [...accepts, { decision: "decline" }, { decision: "cancel" }]
}

function contentOf({ contentItems, text }: CallAnswer): unknown[] {
  if (contentItems) return contentItems
  return text === undefined ? [] : [{ type: "inputText", text }]
}

/** What frames say of a decision, by kind. */
export function resolvedOf(decided: Decision): Record<string, unknown> {
  switch (decided.kind) {
    case "approval":
      return {
        status: "resolved",
        decision: decided.decision,
        scope: decided.scope,
        ...(decided.permissions && { permissions: grantOf(decided.permissions) }),
      }
    case "tool_input":
      return { status: "resolved", decision: decided.decision }
    case "tool_call":
      return { status: "resolved", success: successOf(decided) }
  }
}

function successOf({ response, success }: CallAnswer): boolean {
  const own = (response as { success?: unknown } | null | undefined)?.success
  return typeof own === "boolean" ? own : (success ?? true)
}

/** A decision that is carried over to another turn is good for that turn only: no rule that outlives it. */
export function inTurnScope(decided: Decision): Decision {
  if (decided.kind !== "approval") return decided
  const { kind, decision, permissions } = decided
  return { kind, decision, scope: "turn", ...(permissions && { permissions }) }
}
