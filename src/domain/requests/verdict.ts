// What a person's decision is in the app-server's words, by kind (wire-contract §1.8).

import { METHODS, type Params } from "./kinds.ts"
import type { Request } from "./store.ts"

export type Decision =
  | { kind: "approval"; decision: "accept" | "decline" | "cancel"; scope: "turn" | "session" }
  | {
      kind: "tool_input"
      decision: "accept" | "decline" | "cancel"
      answers?: Answers | undefined
      response?: unknown
    }
  | {
      kind: "tool_call"
      success?: boolean | undefined
      text?: string | undefined
      contentItems?: unknown[] | undefined
      response?: unknown
    }
export type Answers = Record<string, { answers: string[] }>

/** The result that is sent to the child. */
export function verdictOf(request: Request, decided: Decision): unknown {
  switch (decided.kind) {
    case "approval":
      return { decision: wordOf(request, decided) }
    case "tool_input":
      if ("response" in decided) return decided.response
      return { answers: decided.decision === "accept" ? (decided.answers ?? {}) : {} }
    case "tool_call":
      if ("response" in decided) return decided.response
      return { contentItems: contentOf(decided), success: decided.success ?? true }
  }
}

function wordOf(request: Request, { decision, scope }: Extract<Decision, { kind: "approval" }>): string {
  const words = METHODS[request.method]?.words
  if (!words) throw new Error(`${request.method} is no approval`)
  return decision === "accept" && scope === "session" ? words.acceptForSession : words[decision]
}

/**
 * The decision as this request can take it: an accept for the session becomes one for the turn where the child doesn't offer
 * more. `decline` and `cancel` are taken by every binary, offered or not (tried on all four), and stay.
 */
export function fitted(request: Request, decided: Decision): Decision {
  if (decided.kind !== "approval" || decided.decision !== "accept" || decided.scope !== "session")
    return decided
  const { availableDecisions } = JSON.parse(request.params) as Params
  const word = METHODS[request.method]?.words?.acceptForSession
  if (!Array.isArray(availableDecisions) || availableDecisions.includes(word)) return decided
  return { ...decided, scope: "turn" }
}

function contentOf({ contentItems, text }: Extract<Decision, { kind: "tool_call" }>): unknown[] {
  if (contentItems) return contentItems
  return text === undefined ? [] : [{ type: "inputText", text }]
}

/** What frames say of a decision, by kind. */
export function resolvedOf(decided: Decision): Record<string, unknown> {
  switch (decided.kind) {
    case "approval":
      return { status: "resolved", decision: decided.decision, scope: decided.scope }
    case "tool_input":
      return { status: "resolved", decision: decided.decision }
    case "tool_call":
      return { status: "resolved", success: successOf(decided) }
  }
}

function successOf({ response, success }: Extract<Decision, { kind: "tool_call" }>): boolean {
  const own = (response as { success?: unknown } | null | undefined)?.success
  return typeof own === "boolean" ? own : (success ?? true)
}
