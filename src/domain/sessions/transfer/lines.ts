// The lines of an exported session. The first says what it is, the last how many there are: a file that was cut off is known.

import * as v from "valibot"
import { APPROVAL_POLICIES } from "../../controls/tuple.ts"

export const VERSION = 1

const text = v.string()
const maybe = v.nullable(v.string())
const whole = v.pipe(v.number(), v.safeInteger())
const count = v.pipe(whole, v.minValue(0))
/** Milliseconds that JavaScript can say as a date. */
const LAST_MOMENT = 8.64e15
const when = v.nullable(v.pipe(count, v.maxValue(LAST_MOMENT)))
const seconds = v.pipe(v.number(), v.minValue(0), v.maxValue(LAST_MOMENT / 1_000))
const json = v.pipe(v.string(), v.check(isJson, "is no JSON"))
const object = v.pipe(
  json,
  v.check((one) => isObject(JSON.parse(one)), "is no JSON object"),
)

const Session = v.object({
  kind: v.literal("session"),
  version: v.literal(VERSION),
  id: text,
  exportedAt: text,
  title: maybe,
  titleIsDefault: v.boolean(),
  name: maybe,
  preview: text,
  archived: v.boolean(),
  modelProvider: text,
  cwd: text,
  source: text,
  createdAt: seconds,
  updatedAt: seconds,
  /** Turns that had ended up to then were dropped for their age; files from before that could be have no such field. */
  droppedBefore: v.optional(when),
  thread: v.record(text, v.unknown()),
  controls: v.object({
    model: maybe,
    approvalPolicy: v.union([v.picklist(APPROVAL_POLICIES), v.looseObject({})]),
    networkAccess: v.picklist(["restricted", "enabled"]),
    filesystemSandbox: v.picklist(["read-only", "workspace-write", "danger-full-access"]),
    settings: v.record(text, v.unknown()),
  }),
})
const Turn = v.object({
  kind: v.literal("turn"),
  id: text,
  place: whole,
  of: v.picklist(["message", "review", "compact"]),
  status: v.picklist(["inProgress", "completed", "interrupted", "failed"]),
  error: v.nullable(json),
  startedAt: when,
  completedAt: when,
  controls: v.nullable(json),
  policy: v.nullable(json),
})
const Entry = v.object({
  kind: v.literal("entry"),
  messageId: text,
  turnId: text,
  place: whole,
  spot: v.pipe(text, v.minLength(1), v.maxLength(1_000)),
  role: v.picklist(["user", "assistant", "system"]),
  type: text,
  status: v.picklist(["streaming", "complete", "canceled", "error"]),
  author: maybe,
  startedAt: when,
  completedAt: when,
  anchor: maybe,
  /** As clients read it, its keys in the order in which they do. */
  entry: v.looseObject({
    messageId: text,
    turnId: text,
    role: text,
    type: text,
    content: text,
    details: v.optional(v.nullable(text)),
    startedAt: v.optional(when),
    completedAt: v.optional(when),
    status: text,
    author: v.optional(maybe),
  }),
  item: v.nullable(object),
})
const Request = v.object({
  kind: v.literal("request"),
  of: text,
  method: text,
  turnId: maybe,
  itemId: maybe,
  summary: text,
  params: json,
  createdAt: count,
  state: text,
  decision: v.nullable(json),
  decidedBy: maybe,
  decidedAt: when,
  reason: maybe,
})
const Usage = v.object({
  kind: v.literal("usage"),
  turnId: text,
  day: v.pipe(text, v.regex(/^\d{4}-\d\d-\d\d$/)),
  model: text,
  calls: count,
  total: count,
  input: count,
  cached: count,
  cacheWrite: count,
  output: count,
  reasoning: count,
})
const End = v.object({ kind: v.literal("end"), lines: count })

export const Line = v.variant("kind", [Session, Turn, Entry, Request, Usage, End])
export type Line = v.InferOutput<typeof Line>
export type LineOf<K extends Line["kind"]> = Extract<Line, { kind: K }>

/** A line of an export. Answers what is wrong with it as text. */
export function readLine(text: string): Line | string {
  try {
    const parsed = v.safeParse(Line, JSON.parse(text))
    if (parsed.success) return parsed.output
    const [issue] = parsed.issues
    return `${v.getDotPath(issue) ?? "line"}: ${issue.message}`
  } catch {
    return "is no JSON"
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
const isObject = (value: unknown): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value)
