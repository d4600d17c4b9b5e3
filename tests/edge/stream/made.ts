// Events for tests of the stream, and who should see their frames: the delivery table of the wire contract written down
// once more, apart from the code under test.

import type { LoggedEvent, NewEvent, Scope } from "../../../src/base/events/event.ts"

export const event = (type: string, more: Partial<NewEvent> = {}): NewEvent => ({
  type,
  scope: "thread",
  thread: "T1",
  class: "fact",
  context: "",
  body: "{}",
  ...more,
})

const line = (method: string, params: unknown) => JSON.stringify({ method, params })
const context = JSON.stringify({ turnId: "turn-1", session: { id: "T1", title: "Grüße", projectId: null } })

export const notification = (method: string, params: unknown, more: Partial<NewEvent> = {}): NewEvent =>
  event("app.notification", { body: line(method, params), context, ...more })

/** One event of each kind that matters to delivery, for a scope. */
export function eventsOfScope(scope: Scope, thread: string | null): NewEvent[] {
  const at = { scope, thread }
  const request = JSON.stringify({ turnId: "turn-1", session: null, requestId: "req-1", id: 7 })
  return [
    notification(
      "item/agentMessage/delta",
      { threadId: thread, delta: 'ä\u2028}},"' },
      { ...at, class: "delta" },
    ),
    notification("turn/plan/updated", { threadId: thread, plan: [{ step: "a" }, { step: "b" }] }, at),
    notification("account/updated", { authMode: null }, at),
    event("app.request", {
      ...at,
      body: '{"id":7,"method":"execCommandApproval","params":{}}',
      context: request,
    }),
    event("request.unsupported", { ...at, body: '{"method":"x/y","id":9,"params":{}}' }),
    event("request.opened", { ...at, body: '{"frame":"approval","payload":{"approvalId":"a"}}' }),
    event("request.updated", { ...at, body: '{"approvalId":"a","state":"void"}' }),
    event("transcript.updated", { ...at, body: '{"messageId":"m"}' }),
    event("session.updated", { ...at, body: '{"changed":["title"]}' }),
    event("project.upserted", { ...at, body: '{"project":{}}' }),
    event("job.queued", { ...at, body: '{"jobId":"j"}' }),
    event("suggestion.updated", { ...at, body: '{"requestKey":"k"}' }),
    event("runtime.updated", { ...at, body: '{"name":"ready"}' }),
  ]
}

export interface Want {
  thread: string | null
  families: string[] | undefined
}

/** The seqs that a listener must see of an event, with the type of each. */
export function expected(
  e: LoggedEvent,
  { thread: filter, families }: Want,
): { seq: number; type: string }[] {
  const rows: [index: number, family: string, type: string, scope: Scope | undefined][] = []
  const isHidden = e.scope === "hidden"
  const own: Scope = e.scope !== "global" ? e.scope : e.thread ? "thread" : "none"
  if (e.type === "app.notification") {
    const { method } = JSON.parse(e.body) as { method: string }
    const [type, alias] = NAMES[method] ?? []
    rows.push([0, "signal", `app_server.${type}`, isHidden ? undefined : own])
    if (alias !== undefined) rows.push([1, "alias", alias, e.scope])
    rows.push([15, "notification", "notification", own])
  } else if (e.type === "app.request")
    rows.push([15, "signal", "app_server.request.exec_command_approval", isHidden ? undefined : own])
  else rows.push([15, ...(PLAIN[e.type] ?? ["", ""]), e.scope])
  return rows
    .filter(([, family]) => families === undefined || families.includes(family))
    .filter(([, , , scope]) => {
      if (scope === undefined) return false
      if (scope === "hidden") return filter !== null && filter === e.thread
      if (scope === "global") return true
      if (scope === "thread") return filter === null || filter === e.thread
      return filter === null
    })
    .map(([index, , type]) => ({ seq: 16 * e.n + index, type }))
}

const NAMES: Record<string, [type: string, alias?: string]> = {
  "item/agentMessage/delta": ["item.agent_message.delta"],
  "turn/plan/updated": ["turn.plan.updated", "turn_plan_updated"],
  "account/updated": ["account.updated", "account_updated"],
}
const PLAIN: Record<string, [family: string, type: string]> = {
  "request.unsupported": ["request", "server_request"],
  "request.opened": ["request", "approval"],
  "request.updated": ["request", "request_updated"],
  "transcript.updated": ["transcript", "transcript_updated"],
  "session.updated": ["session", "session_updated"],
  "project.upserted": ["project", "project_upserted"],
  "job.queued": ["job", "orchestrator_job_queued"],
  "suggestion.updated": ["suggestion", "suggested_request_updated"],
  "runtime.updated": ["system", "runtime_updated"],
}
