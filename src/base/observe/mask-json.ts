// Takes secrets out of JSON without breaking what it means: only inside text values, never in keys, methods, ids and other
// words of the protocol, for a person's secret may be a word that the protocol needs.

import type { Masks } from "./logger.ts"

/** Values under these keys are words of the protocol. */
const PROTOCOL =
  /^(method|type|status|id|.*Id|.*_id|role|phase|kind|mode|state|decision|action|at|.*At|.*AtMs)$/

/** The JSON with every secret masked; the same text when there is none in it. */
export function maskJson(masks: Masks, json: string): string {
  if (masks.apply(json) === json) return json
  try {
    return JSON.stringify(masked(masks, JSON.parse(json), ""))
  } catch {
    return masks.apply(json)
  }
}

function masked(masks: Masks, value: unknown, key: string): unknown {
  if (typeof value === "string") return PROTOCOL.test(key) ? value : masks.apply(value)
  if (Array.isArray(value)) return value.map((one) => masked(masks, one, key))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, masked(masks, one, name)]))
}
