// Tells a webhook that a turn is over, or that an approval waits for a person. Where to is the setting `notifier` of the
// session, or of all: `{"url": "https://…", "turns": false, "approvals": true}`. The queue delivers it, signed, with retries.

import type { AppServerSignal, RegisterAgentEvents, Tools } from "../../src/engine/host/contract.ts"

const APPROVALS = [
  "app_server.request.item.command_execution.request_approval",
  "app_server.request.item.file_change.request_approval",
  "app_server.request.item.permissions.request_approval",
  "app_server.request.exec_command_approval",
  "app_server.request.apply_patch_approval",
] as const

interface Settings {
  url?: unknown
  turns?: unknown
  approvals?: unknown
}

export const registerAgentEvents: RegisterAgentEvents = (registry) => {
  registry.on("app_server.turn.completed", ({ payload }, tools) => {
    const { turn } = (payload.params ?? {}) as { turn?: { status?: unknown; error?: unknown } }
    const more = { status: turn?.status ?? null, error: turn?.error ?? null }
    return notify(tools, payload, { event: "turn.completed", of: "turns", id: payload.context.turnId, more })
  })
  for (const type of APPROVALS) {
    registry.on(type, ({ payload }, tools) => {
      const { requestId = null, method } = payload
      return notify(tools, payload, {
        event: "approval.waiting",
        of: "approvals",
        id: requestId,
        more: { requestId, method },
      })
    })
  }
}

interface Notice {
  event: string
  of: "turns" | "approvals"
  /** The same notice has the same one. */
  id: string | number | null
  more: Record<string, unknown>
}

async function notify(
  { getSessionSetting, enqueueJob }: Tools,
  { session, context, receivedAt }: AppServerSignal,
  { event, of, id, more }: Notice,
): Promise<unknown> {
  if (!session) return undefined
  const settings = ((await getSessionSetting(session.id, "notifier")) ?? {}) as Settings
  if (typeof settings.url !== "string" || settings[of] === false) return undefined
  const { id: sessionId, title, projectId } = session
  const body = { event, at: receivedAt, sessionId, title, projectId, turnId: context.turnId, ...more }
  return await enqueueJob({
    type: "webhook.deliver",
    projectId: projectId ?? `session:${sessionId}`,
    sourceSessionId: sessionId,
    payload: { url: settings.url, event, body, dedupeKey: `${event}:${sessionId}:${id}` },
  })
}
