// What a Responses API request says, read once at the door: the newest words of a person, and what has been done about them.
// Codex puts environment notes, AGENTS.md, markers and summaries into user messages too; none of those count as a person's words.

import * as v from "valibot"

const tool = v.looseObject({
  type: v.string(),
  name: v.optional(v.string()),
  tools: v.optional(v.array(v.looseObject({ name: v.string(), type: v.optional(v.string()) }))),
})

const item = v.looseObject({
  type: v.optional(v.string()),
  role: v.optional(v.string()),
  content: v.optional(v.unknown()),
  call_id: v.optional(v.nullable(v.string())),
  name: v.optional(v.string()),
  arguments: v.optional(v.unknown()),
  input: v.optional(v.unknown()),
  output: v.optional(v.unknown()),
})

export const responsesBody = v.looseObject({
  model: v.optional(v.string(), "scripted"),
  instructions: v.optional(v.nullable(v.string())),
  input: v.union([v.string(), v.array(item)]),
  tools: v.optional(v.nullable(v.array(tool))),
  prompt_cache_key: v.optional(v.nullable(v.string())),
})
export type ResponsesBody = v.InferOutput<typeof responsesBody>
type Item = v.InferOutput<typeof item>

export interface Offered {
  /** `function`, `custom`, `local_shell`, … */
  type: string
  name: string
  namespace?: string
}

export interface DoneCall {
  name: string
  /** What came back; empty while nothing did. */
  output: string
}

export interface Ask {
  /** `compact` asks for a summary, `review` for a verdict in JSON. */
  kind: "turn" | "compact" | "review"
  /** The newest genuine user text. */
  text: string
  /** Where in the input it stands: no two turns of a thread have the same. */
  place: number
  offered: Offered[]
  /** Tool calls since that text, in order; without those that a restart cut off. */
  done: DoneCall[]
  /** Those since the note of a restart, where there is one. */
  sinceRestart: DoneCall[] | undefined
  /** The history was summarised after that text: what was done about it can't be seen any more. */
  forgotten: boolean
  /** Characters of the whole input, for the token count. */
  inputChars: number
}

const CONTEXT =
  /^\s*(?:<[a-z]+(?:[_-][a-z]+)+[ >]|<(?:skill|INSTRUCTIONS)>|# AGENTS\.md instructions|Warning: (?:apply_patch was requested|The maximum number of))/
const COMPACT = /^\s*You are performing a CONTEXT CHECKPOINT COMPACTION/
const SUMMARY = /^\s*Another language model started to solve this problem/
/** codexd's own note that the turn was cut off and goes on. */
const RESTARTED = /^\s*<runtime_restarted>/
/** What codex gives for the result of a call that was cut off: nothing, `aborted`, or how long it waited (tried on all four). */
const CUT_OFF = /^(?:Wall time: .*\n)?(?:aborted\b.*)?$/
const REVIEW = /^\s*# Review guidelines:/

/** Reads what a request wants. Pure. */
export function readAsk(body: ResponsesBody): Ask {
  const items: Item[] =
    typeof body.input === "string" ? [{ type: "message", role: "user", content: body.input }] : body.input
  const newest = items.findLastIndex((one) => isPerson(one))
  const text = newest < 0 ? "" : textOf(items[newest]?.content)
  const since = items.slice(newest + 1)
  const restart = since.findLastIndex((one) => one.role === "user" && RESTARTED.test(textOf(one.content)))
  const before = callsOf(since.slice(0, restart + 1)).filter(({ output }) => !CUT_OFF.test(output))
  const after = callsOf(since.slice(restart + 1))
  return {
    kind: kindOf(body, items, text),
    text,
    place: newest,
    offered: (body.tools ?? []).flatMap(offeredOf),
    done: [...before, ...after],
    sinceRestart: restart < 0 ? undefined : after,
    forgotten: since.some((one) => one.role === "user" && SUMMARY.test(textOf(one.content))),
    inputChars: JSON.stringify(items).length,
  }
}

function kindOf(body: ResponsesBody, items: Item[], text: string): Ask["kind"] {
  if (COMPACT.test(text)) return "compact"
  const briefed = items.some((one) => one.role === "developer" && REVIEW.test(textOf(one.content)))
  return briefed || REVIEW.test(body.instructions ?? "") ? "review" : "turn"
}

function isPerson(one: Item): boolean {
  if (one.role !== "user") return false
  const text = textOf(one.content)
  return text.trim() !== "" && !CONTEXT.test(text) && !SUMMARY.test(text)
}

function offeredOf(one: v.InferOutput<typeof tool>): Offered[] {
  if (one.type === "namespace") {
    const namespace = one.name ?? ""
    return (one.tools ?? []).map((inner) => ({ type: inner.type ?? "function", name: inner.name, namespace }))
  }
  return [{ type: one.type, name: one.name ?? one.type }]
}

const CALLS = new Set(["function_call", "custom_tool_call", "local_shell_call"])

function callsOf(items: Item[]): DoneCall[] {
  const outputs = new Map<string, string>()
  for (const one of items) {
    if (one.output !== undefined && one.call_id) outputs.set(one.call_id, textOf(one.output))
  }
  return items
    .filter((one) => CALLS.has(one.type ?? ""))
    .map((one) => ({ name: one.name ?? "local_shell", output: outputs.get(one.call_id ?? "") ?? "" }))
}

const part = v.looseObject({ text: v.string() })
const wrapped = v.looseObject({ content: v.unknown() })

/** The text of a content or output: a string, a list of parts, or an object around one of them. */
function textOf(content: unknown): string {
  if (typeof content === "string") return content
  if (Array.isArray(content)) {
    return content.flatMap((one) => (v.is(part, one) ? [one.text] : [])).join("\n")
  }
  return v.is(wrapped, content) ? textOf(content.content) : ""
}
