// What every route has in common that hands a call on to Codex: no cut for being quiet, called off when the client goes.

import type { Context } from "hono"
import type { Passed } from "../../../flow/pass/pass.ts"
import type { HttpEnv } from "../env.ts"
import { json } from "../reply.ts"

/** The call as it is handed on for this request, which may wait as long as the call does. */
export function forClient(c: Context<HttpEnv>, call: Omit<Passed, "signal">): Passed {
  c.env.peer.holdOpen()
  return { ...call, signal: c.req.raw.signal }
}

/** `{status:"ok", result}` (wire-contract §1.2). */
export const wrapped = async (result: Promise<unknown>) =>
  json({ status: "ok" as const, result: (await result) ?? null })

/** `{data, nextCursor}`, whatever the binary leaves out. */
export async function listed(result: Promise<unknown>) {
  const { data, nextCursor } = ((await result) ?? {}) as { data?: unknown; nextCursor?: unknown }
  return json({
    data: Array.isArray(data) ? (data as unknown[]) : [],
    nextCursor: typeof nextCursor === "string" ? nextCursor : null,
  })
}
