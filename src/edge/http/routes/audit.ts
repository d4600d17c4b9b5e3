// Who changed what: the audit, newest first (docs/operations.md).

import { Hono } from "hono"
import { z } from "zod"
import { iso } from "../../../base/kit/clock.ts"
import { lazily } from "../../../base/kit/lazily.ts"
import type { Entry } from "../../../domain/trail/store.ts"
import type { Trail } from "../../../domain/trail/trail.ts"
import type { HttpEnv } from "../env.ts"
import { json } from "../reply.ts"
import { query } from "../valid.ts"
import { limit, text } from "./schemas.ts"

const moment = lazily(() => z.iso.datetime({ offset: true }).transform((given) => Date.parse(given)))
const asked = lazily(() =>
  z.object({
    who: text(300).optional(),
    /** A route's pattern, `/api/sessions/:sessionId/messages`. */
    route: text(300).optional(),
    session: text(240).optional(),
    /** Included. */
    from: moment().optional(),
    /** Not included. */
    to: moment().optional(),
    cursor: z
      .string()
      .regex(/^\d{1,15}$/, "is no cursor of this list")
      .transform(Number)
      .optional(),
    limit: limit().default(100),
  }),
)

export const auditRoutes = ({ trail }: { trail: Pick<Trail, "list"> }) =>
  new Hono<HttpEnv>().get("/audit", query(asked), (c) => {
    const { cursor, limit, ...filters } = c.req.valid("query")
    const found = trail.list({ ...filters, before: cursor, limit: limit + 1 })
    const data = found.slice(0, limit)
    return json({
      data: data.map(shown),
      nextCursor: found.length > limit ? String(data.at(-1)?.n ?? "") : null,
    })
  })

const shown = ({ n, at, session, params, status, requestId, ...rest }: Entry) => ({
  id: n,
  at: iso(at),
  ...rest,
  sessionId: session ?? null,
  params: parsed(params),
  status: status ?? null,
  requestId: requestId ?? null,
})

/** Entries of earlier versions may have been cut off in the middle: those are shown as the text that they are. */
function parsed(params: string): unknown {
  try {
    return JSON.parse(params)
  } catch {
    return { cut: params }
  }
}
