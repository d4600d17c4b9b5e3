// The kinds of requests that a person answers: which methods ask for them, on which list they wait (wire-contract §1.8),
// and in which dialect they are answered. Adding a kind of request is adding a row.

export type Kind = "approval" | "tool_input" | "tool_call"

/** What a request is about, finer than its kind: it decides what its row says and which answers fit. */
export type Topic =
  | "command"
  | "fileChange"
  | "permissions"
  | "skill"
  | "userInput"
  | "elicitation"
  | "toolCall"

export interface Params {
  threadId?: unknown
  conversationId?: unknown
  turnId?: unknown
  itemId?: unknown
  callId?: unknown
  item?: { id?: unknown }
  [key: string]: unknown
}

/** The app-server's words for accept in this turn, accept for the session, decline, cancel. */
export interface Words {
  accept: string
  acceptForSession: string
  decline: string
  cancel: string
}

export interface Method {
  kind: Kind
  topic: Topic
  /** Approvals that are answered with a word. */
  words?: Words
}

const NOW: Words = {
  accept: "accept",
  acceptForSession: "acceptForSession",
  decline: "decline",
  cancel: "cancel",
}
/** `denied` became an object later (0.150); those binaries speak the newer methods and never ask in this dialect. */
export const LEGACY: Words = {
  accept: "approved",
  acceptForSession: "approved_for_session",
  decline: "denied",
  cancel: "abort",
}
/** A skill is approved once and for all, or not. */
const SKILL: Words = { accept: "approve", acceptForSession: "approve", decline: "decline", cancel: "decline" }

export const METHODS: Readonly<Record<string, Method>> = {
  "item/commandExecution/requestApproval": { kind: "approval", topic: "command", words: NOW },
  "item/fileChange/requestApproval": { kind: "approval", topic: "fileChange", words: NOW },
  "item/permissions/requestApproval": { kind: "approval", topic: "permissions" },
  "skill/requestApproval": { kind: "approval", topic: "skill", words: SKILL },
  execCommandApproval: { kind: "approval", topic: "command", words: LEGACY },
  applyPatchApproval: { kind: "approval", topic: "fileChange", words: LEGACY },
  "item/tool/requestUserInput": { kind: "tool_input", topic: "userInput" },
  "tool/requestUserInput": { kind: "tool_input", topic: "userInput" },
  "mcpServer/elicitation/request": { kind: "tool_input", topic: "elicitation" },
  "item/tool/call": { kind: "tool_call", topic: "toolCall" },
}

/** The row of a request that is in the table: its method is one of ours. */
export function methodOf({ method }: { method: string }): Method {
  const found = METHODS[method]
  if (!found) throw new Error(`${method} is no request that a person answers`)
  return found
}

/** Frame names and the id's key in rows and answers, by kind. */
export const FRAMES = {
  approval: { opened: "approval", closed: "approval_resolved", id: "approvalId", entry: "approval" },
  tool_input: {
    opened: "tool_user_input_requested",
    closed: "tool_user_input_resolved",
    id: "requestId",
    entry: "tool-input",
  },
  tool_call: {
    opened: "tool_call_requested",
    closed: "tool_call_resolved",
    id: "requestId",
    entry: "tool-call",
  },
} as const satisfies Record<Kind, { opened: string; closed: string; id: string; entry: string }>

/** A command as one line, argv joined. */
export function commandOf({ command }: Params): string | undefined {
  return Array.isArray(command) ? command.join(" ") : string(command)
}

/** `itemId`, else `callId`, else `item.id`. */
export const itemOf = (params: Params): string | undefined =>
  string(params.itemId) ?? string(params.callId) ?? string(params.item?.id)

export const string = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined
export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
export const object = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {}
