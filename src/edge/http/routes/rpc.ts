// Any method that the binary lists, with its raw result or its raw error, so that a new Codex is usable on its first day.
// Off unless API_RPC says otherwise; what would go behind our own truth is refused with the route to use instead.

import { Hono } from "hono"
import { z } from "zod"
import { Fault } from "../../../base/fault.ts"
import { lazily } from "../../../base/kit/lazily.ts"
import type { HttpEnv } from "../env.ts"
import { json } from "../reply.ts"
import { body } from "../valid.ts"
import type { RouteNeeds } from "./needs.ts"
import { forClient } from "./pass.ts"
import { jsonValue, text } from "./schemas.ts"

const SESSION = "/api/sessions/{sessionId}"
const SEND = `POST ${SESSION}/messages`

/** Methods that change a thread or a turn under our feet, and the route that does it. */
export const ROUTES_INSTEAD: Readonly<Record<string, string>> = {
  "thread/start": "POST /api/sessions",
  "thread/resume": `POST ${SESSION}/resume`,
  "thread/fork": `POST ${SESSION}/fork`,
  "thread/archive": `POST ${SESSION}/archive`,
  "thread/unarchive": `POST ${SESSION}/unarchive`,
  "thread/delete": `DELETE ${SESSION}`,
  "thread/name/set": `POST ${SESSION}/rename`,
  "thread/rollback": `POST ${SESSION}/rollback`,
  "thread/revert": `POST ${SESSION}/rollback`,
  "thread/compact/start": `POST ${SESSION}/compact`,
  "thread/settings/update": `POST ${SESSION}/session-controls`,
  "thread/unsubscribe": `POST ${SESSION}/archive`,
  "thread/queue/add": `POST ${SESSION}/prompts`,
  "thread/queue/start": `POST ${SESSION}/prompts`,
  "thread/queue/update": `PATCH ${SESSION}/prompts/{promptId}`,
  "thread/queue/delete": `DELETE ${SESSION}/prompts/{promptId}`,
  "thread/queue/reorder": `PATCH ${SESSION}/prompts/{promptId}`,
  // A turn of its own, outside the sandbox whatever the session's policy says.
  "thread/shellCommand": "POST /api/commands/exec",
  // What the model knows and no transcript shows.
  "thread/inject_items": SEND,
  "turn/start": SEND,
  "turn/steer": `POST ${SESSION}/turns/{turnId}/steer`,
  "turn/interrupt": `POST ${SESSION}/interrupt`,
  "turn/settings/update": `POST ${SESSION}/session-controls`,
  "review/start": `POST ${SESSION}/review`,
  newConversation: "POST /api/sessions",
  resumeConversation: `POST ${SESSION}/resume`,
  forkConversation: `POST ${SESSION}/fork`,
  archiveConversation: `POST ${SESSION}/archive`,
  sendUserMessage: SEND,
  sendUserTurn: SEND,
  interruptConversation: `POST ${SESSION}/interrupt`,
  initialize: "GET /api/capabilities",
}

const ask = lazily(() => z.object({ method: text(200), params: jsonValue().optional() }))

export const rpcRoutes = ({ passing, rpc }: RouteNeeds) =>
  new Hono<HttpEnv>().post("/rpc", body(ask), async (c) => {
    const { method, params } = c.req.valid("json")
    if (!rpc) throw new Fault("rpc_disabled", "raw calls are switched off; see API_RPC")
    const route = Object.hasOwn(ROUTES_INSTEAD, method) ? ROUTES_INSTEAD[method] : undefined
    if (route) {
      const message = `${method} would change a session behind the daemon's back: use ${route}`
      throw new Fault("rpc_refused", message, { method, route })
    }
    return json(await passing.rpc(forClient(c, { method, params })))
  })
