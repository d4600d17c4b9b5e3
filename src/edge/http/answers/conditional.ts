// Answers that are mostly the same: `ETag` and `If-None-Match`, and the last bodies kept as bytes, so that a read of what has
// not changed costs neither a join nor an encoding.

import type { Context } from "hono"
import { newId } from "../../../base/kit/ids.ts"
import { jsonText } from "../reply.ts"

/** What is kept of bodies, all together. */
const KEPT_BYTES = 64 * 1024 * 1024
const LARGEST = KEPT_BYTES / 4

export interface Conditional {
  /** What the body is made of; another one, another body. Undefined: it is as it is only now. */
  revision: string | undefined
  /** Under this name the bytes are kept; without one they aren't. */
  keep?: string | undefined
  make(): string
}

export function createConditional() {
  // Another process may show the same rows otherwise.
  const here = newId().slice(-12)
  const bodies = new Map<string, { tag: string; body: Blob }>()
  let held = 0

  function drop(name: string): void {
    held -= bodies.get(name)?.body.size ?? 0
    bodies.delete(name)
  }

  function keep(name: string, tag: string, text: string): Blob {
    // Bun sends a blob without copying it: 0.24 ms for 500 kB, where bytes take 0.29 and text 0.30 to 0.43.
    const body = new Blob([text])
    drop(name)
    if (body.size > LARGEST) return body
    bodies.set(name, { tag, body })
    held += body.size
    for (const oldest of bodies.keys()) {
      if (held <= KEPT_BYTES) break
      drop(oldest)
    }
    return body
  }

  function bodyOf(tag: string, { keep: name, make }: Conditional): string | Blob {
    if (name === undefined) return make()
    const found = bodies.get(name)
    if (found?.tag !== tag) return keep(name, tag, make())
    // The last one used goes last.
    bodies.delete(name)
    bodies.set(name, found)
    return found.body
  }

  const tagOf = (revision: string): string => `"${here}-${revision}"`

  return {
    answer(c: Context, asked: Conditional): Response {
      if (asked.revision === undefined) return jsonText(asked.make())
      const tag = tagOf(asked.revision)
      const headers = { etag: tag, "cache-control": "no-cache" }
      if (isKnown(c.req.header("if-none-match"), tag)) return new Response(null, { status: 304, headers })
      const body = bodyOf(tag, asked)
      return new Response(body, {
        headers: { ...headers, "content-type": "application/json; charset=utf-8" },
      })
    },
    /** 304 where the client has the tag of that revision, which is looked up only if it names one; else undefined. */
    unchanged(c: Context, revision: () => string | undefined): Response | undefined {
      const known = c.req.header("if-none-match")
      if (known === undefined) return undefined
      const now = revision()
      if (now === undefined || known !== tagOf(now)) return undefined
      return new Response(null, { status: 304, headers: { etag: known, "cache-control": "no-cache" } })
    },
  }
}

/** Whether the client has that answer already. */
export const isKnown = (header: string | undefined, tag: string): boolean =>
  (header ?? "").split(",").some((one) => {
    const known = one.trim()
    return known === "*" || known === tag || known === `W/${tag}`
  })
