// What of an entry can be found: its content, and what its item says beside it (the output of a command, the paths and
// diffs of a change, what was thought). Ids, states and encoded bytes are nothing that people look for.

/** Beyond that the rest of an entry is not found. */
const MOST_CONTENT = 256 * 1024
const MOST_MORE = 64 * 1024
const DEEPEST = 12

/** Their content is all that they say. */
const SAID: ReadonlySet<string> = new Set(["userMessage", "agentMessage", "plan"])
const NOTHING = /^(id|type|status|cwd|command|kind|role|phase|durationMs|.*Id|.*_id)$/

export interface Searchable {
  type: string
  content: string
  details: string | undefined
  item: string | undefined
}

export const contentOf = ({ content }: Searchable): string => content.slice(0, MOST_CONTENT)

export function moreOf({ type, details, item }: Searchable): string {
  if (item !== undefined && SAID.has(type)) return ""
  const source = item ?? details
  if (source === undefined) return ""
  const value = parsed(source)
  if (typeof value !== "object" || value === null) return source.slice(0, MOST_MORE)
  const texts: string[] = []
  let left = MOST_MORE
  const walk = (one: unknown, depth: number): void => {
    if (left <= 0 || depth > DEEPEST) return
    if (typeof one === "string") {
      texts.push(one.slice(0, left))
      left -= one.length
    } else if (Array.isArray(one)) for (const each of one) walk(each, depth + 1)
    else if (typeof one === "object" && one !== null)
      for (const [key, each] of Object.entries(one)) if (!NOTHING.test(key)) walk(each, depth + 1)
  }
  walk(value, 0)
  return texts.join("\n")
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
