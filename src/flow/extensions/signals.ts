// What Codex says, for extensions that asked for it: once the commit stands, at most once, and only types that somebody hears
// cross to the host (wire-contract §4.1, decisions 26).

import type { LoggedEvent } from "../../base/events/event.ts"
import type { Log } from "../../base/events/log.ts"
import { iso } from "../../base/kit/clock.ts"
import { signalName } from "../../base/kit/signal-name.ts"
import type { AppServerSignal } from "../../engine/host/contract.ts"
import type { Host } from "../../engine/host/host.ts"
import { isDelta } from "../ingest/message.ts"
import { scopeOf } from "./scope.ts"

const PREFIX: Readonly<Record<string, string>> = {
  "app.notification": "app_server.",
  "app.request": "app_server.request.",
}
const USUAL = /^\{"method":"([^"\\]+)"/
/** Names of methods come from the child: a sane one has a few hundred. */
const MAX_NAMES = 2_000

export interface SignalsNeeds {
  log: Log
  host: Pick<Host, "hears" | "heard" | "feed">
  /** Its session was deleted here. */
  isDeleted(threadId: string): boolean
}

export function hearSignals({ log, host, isDeleted }: SignalsNeeds): Disposable {
  const names = new Map<string, string>()

  function typeOf(prefix: string, method: string): string {
    const known = names.get(prefix + method)
    if (known !== undefined) return known
    if (names.size >= MAX_NAMES) names.clear()
    const made = `${prefix}${signalName(method)}`
    names.set(prefix + method, made)
    return made
  }

  function tell(event: LoggedEvent, prefix: string): void {
    const { body, thread } = event
    const method = USUAL.exec(body)?.[1] ?? methodOf(body)
    if (method === undefined) return
    const type = typeOf(prefix, method)
    if (!host.hears(type) || (thread !== null && isDeleted(thread))) return
    const payload = envelope(event, { type, method, isRequest: prefix !== "app_server." })
    host.feed({ type, payload, scope: scopeOf(payload), delta: isDelta(method) })
  }

  return log.onTold((events) => {
    if (!host.heard().length) return
    for (const event of events) {
      const prefix = PREFIX[event.type]
      if (prefix !== undefined && event.scope !== "hidden") tell(event, prefix)
    }
  })
}

function methodOf(line: string): string | undefined {
  const { method } = JSON.parse(line) as { method?: unknown }
  return typeof method === "string" ? method : undefined
}

function envelope(
  { at, body, context, thread }: LoggedEvent,
  { type, method, isRequest }: { type: string; method: string; isRequest: boolean },
): AppServerSignal {
  const { params = null } = JSON.parse(body) as { params?: unknown }
  const {
    turnId = null,
    session = null,
    requestId,
  } = (context === "" ? {} : JSON.parse(context)) as {
    turnId?: string | null
    session?: AppServerSignal["session"]
    requestId?: string
  }
  return {
    source: "app_server",
    signalType: isRequest ? "request" : "notification",
    eventType: type,
    method,
    receivedAt: iso(at),
    context: { threadId: thread, turnId },
    params,
    session,
    ...(isRequest && requestId !== undefined && { requestId }),
  }
}
