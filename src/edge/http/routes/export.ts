// A session as text, and back (docs/export.md). Both ways stream: neither side ever holds a session whole.

import { Hono } from "hono"
import { z } from "zod"
import { Fault } from "../../../base/fault.ts"
import { lazily } from "../../../base/kit/lazily.ts"
import type { SessionEnv } from "../env.ts"
import { json } from "../reply.ts"
import { brought } from "../shown.ts"
import { body, query } from "../valid.ts"
import type { RouteNeeds } from "./needs.ts"

export const IMPORT_PATH = "/api/sessions/import"
const MIB = 1024 * 1024
/** decisions 36. */
export const MAX_IMPORT = 1024 * MIB
const MAX_LINE = 4 * MIB

const TYPES = { markdown: "text/markdown; charset=utf-8", jsonl: "application/x-ndjson; charset=utf-8" }
const ENDS = { markdown: "md", jsonl: "jsonl" }
const LINES = /^(application|text)\/(x-)?(ndjson|jsonl|jsonlines)\b/i

const ask = lazily(() => z.object({ format: z.enum(["markdown", "jsonl"]).default("markdown") }))

const rollouts = lazily(() =>
  z.strictObject({
    path: z.string().startsWith("/").max(4096).optional(),
    limit: z.number().int().min(1).max(1_000).default(100),
  }),
)

export const exportRoutes = (needs: RouteNeeds) => {
  const { rooms, gate } = needs
  return new Hono<SessionEnv>()
    .post("/import", async (c) => {
      const type = c.req.header("content-type") ?? ""
      if (!LINES.test(type))
        throw new Fault("unsupported_media_type", "an import is sent as application/x-ndjson")
      const session = await rooms.transfer.take(linesOf(c.req.raw.body))
      return json({ status: "ok", session }, 201)
    })
    .post("/import/rollouts", body(rollouts), async (c) => {
      c.env.peer.holdOpen()
      const answer = await needs.rollouts.take(c.req.valid("json"))
      if (!answer) throw outside(needs.rollouts.folders)
      return json({ status: "ok", ...answer })
    })
    .get("/:sessionId/export", gate("PGX"), query(ask), async (c) => {
      const { format } = c.req.valid("query")
      await brought(needs, c.get("session"))
      const name = `session-${c.get("sessionId").replace(/[^\w-]/g, "")}.${ENDS[format]}`
      return new Response(streamed(rooms.transfer.give(c.get("sessionId"), format)), {
        headers: {
          "content-type": TYPES[format],
          "content-disposition": `attachment; filename="${name}"`,
        },
      })
    })
}

/** Made as fast as it is read. */
function streamed(pieces: Generator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream({
    pull(controller) {
      let text = ""
      while (text.length < 64 * 1024) {
        const next = pieces.next()
        if (next.done) {
          if (text !== "") controller.enqueue(encoder.encode(text))
          controller.close()
          return
        }
        text += next.value
      }
      controller.enqueue(encoder.encode(text))
    },
    cancel: () => void pieces.return(undefined),
  })
}

/** Lines of a body, one at a time. */
async function* linesOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true })
  let rest = ""
  let bytes = 0
  let n = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength
    if (bytes > MAX_IMPORT) throw new Fault("body_too_large", "an import is at most 1 GiB")
    const parts = (rest + decoded(decoder, chunk, n)).split("\n")
    rest = parts.pop() ?? ""
    if (rest.length > MAX_LINE) throw tooLong(n + parts.length + 1)
    for (const part of parts) {
      n++
      if (part.length > MAX_LINE) throw tooLong(n)
      yield part
    }
  }
  if (rest !== "") yield rest
}

const outside = (folders: readonly string[]): Fault => {
  const message = `path: is in none of ${folders.join(", ")} (ROLLOUT_FOLDERS)`
  return new Fault("invalid_request", message, { issues: [{ code: "custom", path: ["path"], message }] })
}

const tooLong = (line: number): Fault =>
  new Fault("invalid_import", `line ${line} is longer than 4 MiB`, { line, issues: [] })

function decoded(decoder: TextDecoder, chunk: Uint8Array, lines: number): string {
  try {
    return decoder.decode(chunk, { stream: true })
  } catch {
    throw new Fault("invalid_import", `what follows line ${lines} is not UTF-8`, {
      line: lines + 1,
      issues: [],
    })
  }
}
