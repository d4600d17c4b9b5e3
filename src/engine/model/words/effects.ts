// A message that ends with a fenced block of JSON `{"effects": […]}` says what may be done and the form of it, never the words
// (docs/scripted-model.md). Risk and texts are taken from words in the message before the block. Who wrote it doesn't matter.

import * as v from "valibot"
import type { Directive } from "./directives.ts"

const LEVELS = ["low", "med", "high"] as const
type Level = (typeof LEVELS)[number]
const level = v.picklist(LEVELS)

const property = v.looseObject({
  const: v.optional(v.unknown()),
  enum: v.optional(v.array(v.unknown())),
  type: v.optional(v.string()),
})
const effect = v.looseObject({
  action: v.string(),
  tool: v.optional(v.string()),
  input: v.looseObject({
    properties: v.optional(v.record(v.string(), property), {}),
    required: v.optional(v.array(v.string()), []),
  }),
  when: v.optional(v.object({ risk: v.object({ atLeast: v.optional(level), atMost: v.optional(level) }) })),
  /** Of those with the same name only the first that fits is done. */
  group: v.optional(v.string()),
})
type Effect = v.InferOutput<typeof effect>
const block = v.looseObject({
  effects: v.array(effect),
  /** The effects are to be listed in the answer, as intents, instead of being called. */
  answer: v.optional(v.literal("action_intents")),
})

const BLOCK = /```json\s*\n([\s\S]*?)\n```\s*$/

/** What a message with such a block makes the model do; undefined for any other message. */
export function readEffects(text: string): Directive[] | undefined {
  const found = lastBlock(text)
  if (!found) return undefined
  const { effects, answer, before } = found
  const order = /\bworker: *(hang|fail|silent)\b/i.exec(before)?.[1]?.toLowerCase()
  if (order === "hang") return [{ kind: "hang" }]
  if (order === "fail") return [{ kind: "fail", status: 500, message: "the words asked for it", once: false }]
  const risk = riskIn(before)
  const chosen = order === "silent" ? [] : choose(effects, risk)
  const made = chosen.map((one) => ({ one, args: argsOf(one, before, risk) }))
  if (answer === "action_intents") {
    const intents = made.map(({ one, args }) => ({
      kind: "action_request",
      actionType: one.action,
      payload: args,
    }))
    return [{ kind: "echo", text: JSON.stringify({ kind: "action_intents", intents }) }]
  }
  const calls = made.map(({ one, args }): Directive => {
    const tool = one.tool ?? one.action.replaceAll(".", "_")
    return { kind: "call", tool, args: JSON.stringify(args) }
  })
  return [...calls, { kind: "echo", text: `Risk ${risk}: ${calls.length} of ${effects.length} effects.` }]
}

function lastBlock(text: string): (v.InferOutput<typeof block> & { before: string }) | undefined {
  const at = text.lastIndexOf("```json")
  if (at < 0) return undefined
  const inner = BLOCK.exec(text.slice(at))?.[1]
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), block), inner)
  return parsed.success ? { ...parsed.output, before: text.slice(0, at) } : undefined
}

/** The highest that is named; low where none is. */
function riskIn(text: string): Level {
  const named = [...text.matchAll(/\brisk: *(low|med|medium|high)\b/gi)].map(([, word = ""]) =>
    LEVELS.indexOf(word.toLowerCase().slice(0, 4).replace("medi", "med") as Level),
  )
  return LEVELS[Math.max(0, ...named)] ?? "low"
}

function choose(effects: Effect[], risk: Level): Effect[] {
  const taken = new Set<string>()
  return effects.filter(({ when, group }) => {
    const { atLeast = "low", atMost = "high" } = when?.risk ?? {}
    const rank = LEVELS.indexOf(risk)
    if (rank < LEVELS.indexOf(atLeast) || rank > LEVELS.indexOf(atMost)) return false
    if (group === undefined) return true
    const isFirst = !taken.has(group)
    taken.add(group)
    return isFirst
  })
}

/** What is fixed as it is given, the first of a choice, and a text for each string that is left free. */
function argsOf(
  { input: { properties, required } }: Effect,
  before: string,
  risk: Level,
): Record<string, unknown> {
  const args: Record<string, unknown> = {}
  for (const [name, one] of Object.entries(properties)) {
    if (one.const !== undefined) args[name] = one.const
    else if (!required.includes(name)) continue
    else if (one.enum !== undefined) args[name] = one.enum[0]
    else if (one.type === "string") args[name] = wordsFor(name, before, risk)
  }
  return args
}

/** The line behind the last `says NAME:`, wherever it stands; else words of the model's own. */
function wordsFor(name: string, before: string, risk: Level): string {
  const said = [...before.matchAll(/\bsays (\w+): *(.+)/g)].filter(([, of]) => of === name).at(-1)?.[2]
  return said?.trim() || `The scripted model's ${name}, at risk ${risk}.`
}
