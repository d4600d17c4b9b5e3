// The kinds of requests that a person answers: which methods ask for them, what their rows look like (wire-contract §1.8),
// and what each decision is in the app-server's words. Adding a kind of request is adding a row.

export type Kind = "approval" | "tool_input" | "tool_call"

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
interface Words {
  accept: string
  acceptForSession: string
  decline: string
  cancel: string
}

export interface Method {
  kind: Kind
  words?: Words
}

const NOW: Words = {
  accept: "accept",
  acceptForSession: "acceptForSession",
  decline: "decline",
  cancel: "cancel",
}
const LEGACY: Words = {
  accept: "approved",
  acceptForSession: "approved_for_session",
  decline: "denied",
  cancel: "abort",
}

export const METHODS: Readonly<Record<string, Method>> = {
  "item/commandExecution/requestApproval": { kind: "approval", words: NOW },
  "item/fileChange/requestApproval": { kind: "approval", words: NOW },
  execCommandApproval: { kind: "approval", words: LEGACY },
  applyPatchApproval: { kind: "approval", words: LEGACY },
  "item/tool/requestUserInput": { kind: "tool_input" },
  "tool/requestUserInput": { kind: "tool_input" },
  "item/tool/call": { kind: "tool_call" },
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

/** One line for people: what would happen, or what is asked. */
export function summaryOf(kind: Kind, params: Params): string {
  switch (kind) {
    case "approval":
      return commandOf(params) ?? changesOf(params) ?? string(params.reason) ?? "approval requested"
    case "tool_input": {
      const n = Array.isArray(params.questions) ? params.questions.length : 0
      return `${n} question${n === 1 ? "" : "s"}`
    }
    case "tool_call":
      return string(params.tool) ?? "tool call"
  }
}

function commandOf({ command }: Params): string | undefined {
  return Array.isArray(command) ? command.join(" ") : string(command)
}

function changesOf({ changes, fileChanges }: Params): string | undefined {
  const list = changes ?? fileChanges
  if (typeof list !== "object" || list === null) return undefined
  const n = Array.isArray(list) ? list.length : Object.keys(list).length
  return `${n} change${n === 1 ? "" : "s"}`
}

/** `itemId`, else `callId`, else `item.id`. */
export const itemOf = (params: Params): string | undefined =>
  string(params.itemId) ?? string(params.callId) ?? string(params.item?.id)

export const string = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined
