// Items of a thread as its rollout file has them, in the shape in which the app-server tells them. Newer binaries write whole
// items in Rust's own names; what the table doesn't have keeps its fields, renamed.

import type { Item } from "../../domain/transcript/entry.ts"
import { type Fields, fieldsOf, listOf, textOf } from "./fields.ts"

/** An item of `item_completed`, or undefined for one without an id. */
export function itemOf(raw: Fields): Item | undefined {
  const id = textOf(raw.id)
  if (id === "") return undefined
  const type = lower(textOf(raw.type))
  return { type, id, ...(TABLE[type]?.(raw) ?? plain(raw)) }
}

const TABLE: Record<string, (raw: Fields) => Fields> = {
  userMessage: ({ content }) => ({ content: listOf(content).map((one) => spelled(fieldsOf(one))) }),
  agentMessage: ({ content, phase }) => ({
    text: listOf(content)
      .map((one) => textOf(fieldsOf(one).text))
      .join(""),
    phase: phase ?? null,
  }),
  reasoning: ({ summary_text, raw_content }) => ({
    summary: listOf(summary_text),
    content: listOf(raw_content),
  }),
  commandExecution: (raw) => commandOf(raw),
  fileChange: ({ changes, status }) => ({ changes: changesOf(changes), status: statusOf(status) }),
  enteredReviewMode: (raw) => ({ review: reviewAsked(raw) }),
  exitedReviewMode: (raw) => ({ review: reviewSaid(raw) }),
}

export const reviewAsked = (raw: Fields): string =>
  textOf(raw.user_facing_hint) || textOf(fieldsOf(raw.target).instructions)

export function reviewSaid(raw: Fields): string {
  const output = fieldsOf(raw.review_output)
  const findings = listOf(output.findings).map((one) => {
    const { title, body } = fieldsOf(one)
    return `- ${textOf(title)}\n  ${textOf(body)}`
  })
  return [textOf(output.overall_explanation), ...findings].filter((part) => part !== "").join("\n")
}

/** A command that ended, as an event or an item tells it. */
export function commandOf(raw: Fields): Fields {
  return {
    command: wordsOf(raw.command),
    cwd: textOf(raw.cwd).replace(/^file:\/\//, ""),
    processId: raw.process_id ?? null,
    status: statusOf(raw.status ?? (raw.exit_code === 0 ? "completed" : "failed")),
    commandActions: listOf(raw.parsed_cmd).map((one) => plain(fieldsOf(one))),
    aggregatedOutput: textOf(raw.aggregated_output) || null,
    exitCode: raw.exit_code ?? null,
    durationMs: durationOf(raw.duration),
  }
}

/** `{path: {type, content | unified_diff, move_path}}` as a list of `{path, kind, diff}`. */
export function changesOf(changes: unknown): Fields[] {
  if (Array.isArray(changes)) return changes.map(fieldsOf)
  return Object.entries(fieldsOf(changes)).map(([path, change]) => {
    const { type, content, unified_diff, move_path } = fieldsOf(change)
    const kind = type === "update" ? { type, move_path: move_path ?? null } : { type }
    return { path, kind, diff: textOf(unified_diff) || textOf(content) }
  })
}

export function durationOf(value: unknown): number | null {
  const { secs, nanos } = fieldsOf(value)
  return typeof secs === "number" ? Math.round(secs * 1000 + Number(nanos ?? 0) / 1e6) : null
}

/** A command line that a shell would read as these words. */
export function wordsOf(command: unknown): string {
  if (typeof command === "string") return command
  return listOf(command)
    .map((word) => textOf(word))
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`))
    .join(" ")
}

/** `in_progress` as `inProgress`; a status that was never told is how the file ends. */
export const statusOf = (status: unknown): string => camel(textOf(status) || "completed")

const plain = ({ type: _type, id: _id, ...rest }: Fields): Fields => renamed(rest)
const spelled = ({ type, ...rest }: Fields): Fields => ({ type: camel(textOf(type)), ...renamed(rest) })
/** Names only: `text_elements` stays, as the app-server leaves it. */
const renamed = (raw: Fields): Fields =>
  Object.fromEntries(
    Object.entries(raw).map(([key, value]) => [key === "text_elements" ? key : camel(key), value]),
  )
const camel = (name: string): string =>
  lower(name).replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
const lower = (name: string): string => name.slice(0, 1).toLowerCase() + name.slice(1)
