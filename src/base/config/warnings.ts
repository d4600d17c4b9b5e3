// What is worth a word but no refusal: variables without effect, and names that look like a typing error.

import type { Env } from "./config.ts"
import type { Variable } from "./kinds/kinds.ts"
import { VARIABLES } from "./variables.ts"

// Prefixes that no other program uses. Bare `API_` and `CODEX_` do occur elsewhere.
const OURS = [
  "ORCHESTRATOR_",
  "AGENT_EXTENSION_",
  "API_AUTH",
  "API_ALLOWED_",
  "EVENTS_MAX_",
  "STREAM_MAX_",
  "CODEX_LINE_",
]

/** One line a warning. Values are not shown. */
export function warningsOf(env: Env): string[] {
  return Object.keys(env).flatMap((name) => {
    if (env[name] === undefined) return []
    const known = Object.entries<Variable<unknown>>(VARIABLES).find(([other]) => other === name)?.[1]
    if (known) return known.unused ? [`${name} has no effect: ${known.unused}`] : []
    if (!OURS.some((prefix) => name.startsWith(prefix))) return []
    const near = nearest(name)
    return [`${name} is not a variable of codexd${near ? `; did you mean ${near}?` : ""}`]
  })
}

function nearest(name: string): string | undefined {
  const [best] = Object.keys(VARIABLES)
    .map((known) => ({ known, off: distance(name, known) }))
    .sort((a, b) => a.off - b.off)
  return best && best.off <= Math.max(2, name.length / 5) ? best.known : undefined
}

/** How many letters must be put, dropped or changed to turn one word into the other. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...to].entries()) {
      const change = (row[j] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(change, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
