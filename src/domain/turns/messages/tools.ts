// Dynamic tools that come with a message. A thread's tools are fixed at its start: the same set again is fine, another one
// is only for a session in which nothing has happened yet.

import { Fault } from "../../../base/fault.ts"

interface Tool {
  name?: unknown
}

/** The names of both sets where they are not the same, in whatever order; undefined where they are. */
export function differingTools(kept: string | undefined, asked: unknown[]) {
  const own = kept === undefined ? [] : (JSON.parse(kept) as unknown[])
  if (canonical(own) === canonical(asked)) return undefined
  return { kept: namesOf(own), asked: namesOf(asked) }
}

export function fixedTools(sessionId: string, names: { kept: string[]; asked: string[] }): Fault {
  const said = (list: string[]) => (list.length === 0 ? "none" : list.join(", "))
  return new Fault(
    "dynamic_tools_fixed",
    `the tools of a session are fixed by its first turn: it has ${said(names.kept)}, asked for ${said(names.asked)}`,
    { sessionId, ...names },
  )
}

const namesOf = (tools: unknown[]): string[] => tools.map((tool) => String((tool as Tool).name))

const canonical = (tools: unknown[]): string =>
  tools
    .map((tool) => JSON.stringify(sorted(tool)))
    .sort()
    .join()

/** The same value with the keys of its objects in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, one]) => [key, sorted(one)]))
}
