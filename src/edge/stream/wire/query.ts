// What a listener asks for in its URL, the same for both doors: `threadId`, `families`, `since`.

import { Fault } from "../../../base/fault.ts"
import type { Wish } from "../listener.ts"
import { FAMILIES, parseFamilies } from "./families.ts"

/** Throws `invalid_request` for a family that does not exist. An empty value counts as absent. */
export function parseQuery(url: string): { wish: Wish; since: string | undefined } {
  const query = new URL(url).searchParams
  const families = parseFamilies(query.getAll("families").flatMap((list) => list.split(",")))
  if ("unknown" in families) {
    const message = `unknown family "${families.unknown}", expected one of ${FAMILIES.join(", ")}`
    throw new Fault("invalid_request", message, {
      issues: [{ code: "invalid_value", path: ["families"], message }],
    })
  }
  return {
    wish: { thread: query.get("threadId") || null, families: families.mask },
    since: query.get("since") || undefined,
  }
}
