// What a websocket listener may say (wire-contract §2.1). Anything else is answered with one error frame.

import * as v from "valibot"
import { type FamilyMask, parseFamilies } from "./families.ts"

const Families = v.optional(v.union([v.string(), v.array(v.string())]))
const Said = v.variant("type", [
  v.object({
    type: v.literal("subscribe"),
    threadId: v.pipe(v.string(), v.minLength(1)),
    families: Families,
  }),
  v.object({ type: v.literal("unsubscribe") }),
  v.object({ type: v.literal("ping") }),
])

/** `families` is absent when the listener keeps those it has. */
export type Command =
  | { type: "subscribe"; threadId: string; families?: FamilyMask }
  | { type: "unsubscribe" }
  | { type: "ping" }

/** The command in a client's frame; undefined when it is none. */
export function parseCommand(text: string): Command | undefined {
  const parsed = v.safeParse(Said, jsonOf(text))
  if (!parsed.success) return undefined
  const said = parsed.output
  if (said.type !== "subscribe") return said
  const { type, threadId, families } = said
  if (families === undefined) return { type, threadId }
  const wanted = parseFamilies(typeof families === "string" ? families.split(",") : families)
  return "unknown" in wanted ? undefined : { type, threadId, families: wanted.mask }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
