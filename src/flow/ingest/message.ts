// Reading what the child says: which thread and turn it is about, whether it is a delta. Params differ by version, so
// everything here is a look, not a schema; what a handler needs it parses itself.

import * as v from "valibot"

export const ThreadParam = v.looseObject({
  id: v.string(),
  name: v.optional(v.nullable(v.string())),
  preview: v.optional(v.string()),
  modelProvider: v.optional(v.string()),
  cwd: v.optional(v.string()),
  createdAt: v.optional(v.number()),
  updatedAt: v.optional(v.number()),
  ephemeral: v.optional(v.boolean()),
})

export const TurnParam = v.looseObject({
  id: v.string(),
  status: v.optional(v.string()),
  error: v.optional(v.nullable(v.unknown())),
  startedAt: v.optional(v.nullable(v.number())),
  completedAt: v.optional(v.nullable(v.number())),
})

export const ItemParam = v.looseObject({ type: v.string(), id: v.string() })

/** Any params object. */
export type Params = Record<string, unknown>

export const paramsOf = (params: unknown): Params =>
  typeof params === "object" && params !== null && !Array.isArray(params) ? (params as Params) : {}

/** `threadId`, else `conversationId`, else `thread.id` (wire-contract §2.3). */
export function threadOf(params: Params): string | null {
  return text(params.threadId) ?? text(params.conversationId) ?? text(paramsOf(params.thread).id) ?? null
}

/** The turn named anywhere in the params (wire-contract §4.1). */
export function turnOf(params: Params): string | null {
  const own = text(params.turnId) ?? text(params.turn_id)
  if (own !== undefined) return own
  const turn = paramsOf(params.turn)
  const item = paramsOf(params.item)
  return (
    text(turn.id) ??
    text(turn.turnId) ??
    text(turn.turn_id) ??
    text(item.turnId) ??
    text(item.turn_id) ??
    text(item.parentTurnId) ??
    text(item.parent_turn_id) ??
    null
  )
}

const DELTA = /(?:delta|progress|patchUpdated|summaryPartAdded)$/i

/** True for what only builds up something that is told whole later. */
export const isDelta = (method: string): boolean => DELTA.test(method)

/** True for what may write entries: they stand in the order of the stream. */
export const isOfEntries = (method: string): boolean =>
  (method.startsWith("item/") || method.startsWith("turn/")) && !isDelta(method)

/** Those whose alias everybody gets (wire-contract §2.4). */
export const isForEverybody = (method: string): boolean => EVERYBODY.has(method)

const EVERYBODY: ReadonlySet<string> = new Set([
  "app/list/updated",
  "mcpServer/oauthLogin/completed",
  "account/updated",
  "account/login/completed",
  "account/rateLimits/updated",
])

/** The older spelling of events, which 0.105 sends beside the newer. */
export const isLegacy = (method: string): boolean => method.startsWith("codex/event/")

/** Raw response items: passed on, not stored. */
export const isRaw = (method: string): boolean =>
  method === "rawResponseItem/completed" ||
  method === "rawResponse/completed" ||
  method === "codex/event/raw_response_item"

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined
