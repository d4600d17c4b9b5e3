// A hook's payload with what was delivered filled in: `{{body}}` is the whole of it, `{{body.issue.title}}` a field.

const PLACE = /\{\{\s*body((?:\.[\w-]+)*)\s*\}\}/g
/** What a delivery may bring into one text. */
const LONGEST = 200_000

/** Every text in `template`, filled in. What isn't there is empty. */
export function render(template: unknown, body: string): unknown {
  if (typeof template === "string")
    return template.replace(PLACE, (_whole, path: string) => textAt(body, path.split(".").slice(1)))
  if (Array.isArray(template)) return template.map((one) => render(one, body))
  if (typeof template !== "object" || template === null) return template
  return Object.fromEntries(Object.entries(template).map(([key, value]) => [key, render(value, body)]))
}

function textAt(body: string, path: string[]): string {
  if (path.length === 0) return body.slice(0, LONGEST)
  let value = parsed(body)
  for (const key of path) {
    const isThere = typeof value === "object" && value !== null && Object.hasOwn(value, key)
    value = isThere ? (value as Record<string, unknown>)[key] : undefined
  }
  if (value === undefined || value === null) return ""
  return (typeof value === "string" ? value : JSON.stringify(value)).slice(0, LONGEST)
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
