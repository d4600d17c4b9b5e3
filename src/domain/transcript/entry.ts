// What a transcript is made of (wire-contract §3.1), and how an item of the app-server becomes an entry (§3.2).

export type Role = "user" | "assistant" | "system"
export type EntryStatus = "streaming" | "complete" | "canceled" | "error"

export interface Entry {
  messageId: string
  turnId: string
  role: Role
  type: string
  content: string
  /** Text, usually JSON. */
  details?: string | undefined
  /** Epoch milliseconds, whole. */
  startedAt?: number | undefined
  completedAt?: number | undefined
  status: EntryStatus
  /** Who wrote it, where the role doesn't say: `extension:NAME`, `job:ID`, `client:NAME`. */
  author?: string | undefined
}

/** What an entry that still streams becomes when its turn ends (decisions 19). */
export const OUTCOMES = {
  completed: "complete",
  interrupted: "canceled",
  failed: "error",
} as const satisfies Record<string, EntryStatus>

export const isTerminal = (status: EntryStatus): boolean => status !== "streaming"
export const isOfJob = ({ author }: Pick<Entry, "author">): boolean => author?.startsWith("job:") === true

/** An id that an app-server's history counts out. */
export const isMadeUp = (messageId: string): boolean => /^item-\d+$/i.test(messageId)

/** Items that stand for what somebody asked for, beside messages. */
const ASKED: ReadonlySet<string> = new Set(["contextCompaction", "enteredReviewMode", "exitedReviewMode"])
export const isAsked = ({ type }: Pick<Entry, "type">): boolean => ASKED.has(type)

/** A thread item of the app-server. Beyond `type` and `id` every field depends on the type and the version. */
export interface Item {
  type: string
  id: string
  [key: string]: unknown
}

type Spoken = Pick<Entry, "role" | "content"> & { details?: string }

const TABLE: Record<string, (item: Item) => Spoken> = {
  userMessage: (item) => ({ role: "user", content: inputText(item.content) }),
  agentMessage: (item) => ({ role: "assistant", content: text(item.text) }),
  commandExecution: (item) => system(item, `Command ${text(item.status)}: ${text(item.command)}`),
  fileChange: (item) => system(item, `File change ${text(item.status)}: ${count(item.changes, "change")}`),
  mcpToolCall: (item) => system(item, `${text(item.server)}/${text(item.tool)} ${text(item.status)}`),
  reasoning: (item) => system(item, "Reasoning"),
  plan: (item) => system(item, text(item.text) || "Plan"),
}

/** Role, content and details of an item; types that the table doesn't have are told by name. */
export const spokenOf = (item: Item): Spoken => TABLE[item.type]?.(item) ?? system(item, `[${item.type}]`)

/** The entry as clients read it: keys in one order, what is only ours left out. */
export function entryShown(e: Entry): Entry {
  const { messageId, turnId, role, type, content, details, startedAt, completedAt, status, author } = e
  return { messageId, turnId, role, type, content, details, startedAt, completedAt, status, author }
}
export const entryText = (entry: Entry): string => JSON.stringify(entryShown(entry))

/** The entry of the same turn that this one is about (wire-contract §3.5). */
export function anchorOf({ details }: Pick<Entry, "details">): string | undefined {
  if (!details?.includes('"anchorItemId"')) return undefined
  try {
    const { anchorItemId } = JSON.parse(details) as { anchorItemId?: unknown }
    return typeof anchorItemId === "string" && anchorItemId !== "" ? anchorItemId : undefined
  } catch {
    return undefined
  }
}

/** Items whose text streams in deltas, and the field that holds it. */
export const STREAMED = { agentMessage: "text", plan: "text" } as const

const system = (item: Item, content: string): Spoken => ({
  role: "system",
  content,
  details: JSON.stringify(item, null, 2),
})

const text = (value: unknown): string => (typeof value === "string" ? value : "")

function count(list: unknown, noun: string): string {
  const n = Array.isArray(list) ? list.length : 0
  return `${n} ${noun}${n === 1 ? "" : "s"}`
}

function inputText(content: unknown): string {
  if (!Array.isArray(content)) return ""
  return content.map(inputLine).join("\n").trim()
}

function inputLine(input: { type?: unknown; text?: unknown; url?: unknown; path?: unknown }): string {
  switch (input.type) {
    case "text":
      return text(input.text)
    case "image":
      return `[image] ${text(input.url)}`
    case "localImage":
    case "skill":
    case "mention":
      return `[${input.type}] ${text(input.path)}`
    default:
      return `[${text(input.type)}]`
  }
}
