// What every instruction is made of: words, quoted material, and at the end a block of JSON with what may be done and the form of
// each effect, never its content (docs/workers.md).

import type { ActionType } from "../../../src/engine/host/contract.ts"
import type { Level } from "../settings.ts"

export interface Effect {
  action: ActionType
  tool: string
  /** What the model leaves out unless the risk that it sees is within. */
  when?: { risk: { atLeast?: Level; atMost?: Level } }
  /** Of those with the same name the first that fits is done. */
  group?: string
  input: { type: "object"; properties: Record<string, unknown>; required: string[] }
}

/** An effect whose `fixed` properties are given and whose `free` ones are the model's: how long each may be. */
export function effect(
  action: ActionType,
  { fixed, free }: { fixed: Record<string, string>; free: Record<string, number> },
  more: Pick<Effect, "when" | "group"> = {},
): Effect {
  const properties = {
    ...mapped(fixed, (value) => ({ const: value })),
    ...mapped(free, (maxLength) => ({ type: "string", maxLength })),
  }
  const input = { type: "object", properties, required: Object.keys(properties) } as const
  return { action, tool: action.replaceAll(".", "_"), ...more, input }
}

/** A row in its final form. Its placeholder is there since the job began. */
export const rowEffect = ({ messageId, type }: { messageId: string; type: string }): Effect =>
  effect("transcript.upsert", { fixed: { messageId, type, status: "complete" }, free: { content: 8_000 } })

/** Material of others between marks that it can't close. */
export function quoted(mark: string, text: string): string {
  const inside = text.replaceAll(new RegExp(`</(?=${mark}>)`, "gi"), "<\\/")
  return `<${mark}>\n${inside}\n</${mark}>`
}

/** Paragraphs, then the block. */
export const instruction = (paragraphs: (string | undefined)[], effects: Effect[]): string =>
  `${paragraphs.filter((one) => one !== undefined && one !== "").join("\n\n")}

What may be done:
\`\`\`json
${JSON.stringify({ effects }, null, 2)}
\`\`\``

/** What the job may do, and nothing else: these actions, and decisions and suggestions only as they are fixed here. */
export const actionsOf = (effects: Effect[]): Granted[] => {
  const all = effects.map(({ action, input }) => {
    const where = Object.fromEntries(
      (BOUND[action] ?? []).map((name) => [name, (input.properties[name] as { const: string }).const]),
    )
    return BOUND[action] ? { action, where } : action
  })
  return all.filter((one, at) => typeof one !== "string" || all.indexOf(one) === at)
}
type Granted = ActionType | { action: ActionType; where: Record<string, string> }

const BOUND: { readonly [T in ActionType]?: readonly string[] } = {
  "approval.decide": ["approvalId", "decision"],
  "suggestion.upsert": ["requestKey"],
}

function mapped<A, B>(values: Record<string, A>, of: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, of(value)]))
}
