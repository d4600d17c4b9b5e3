// The closed list of everything that the house may tell. Each is made here and nowhere else, so that its type, its scope
// and the shape of its body are found on one page; the frames that follow from it are in edge/stream/frames.ts.

import type { NewEvent, Scope } from "../base/events/event.ts"

/** Where an event belongs: the session's thread, and whether only its own listeners may hear of it. */
export interface Audience {
  thread: string | null
  hidden?: boolean
}

/** What signals carry beside the child's own line (wire-contract §4.1); JSON, cached by the caller. */
export interface SignalContext {
  turnId: string | null
  session: { id: string; title: string | null; projectId: string | null } | null
}

const scopeOf = ({ thread, hidden }: Audience): Scope =>
  thread === null ? "none" : hidden ? "hidden" : "thread"

const fact = (type: string, audience: Audience, body: unknown): NewEvent => ({
  type,
  scope: scopeOf(audience),
  thread: audience.thread,
  class: "fact",
  context: "",
  body: JSON.stringify(body),
})

interface Line {
  audience: Audience
  context: string
  raw: string
}

export interface NotifiedKind {
  delta: boolean
  settles: boolean
  stored: boolean
  /** One of its frames goes to everybody (wire-contract §2.4). */
  everybody?: boolean
}

/** A notification of the child, kept as the line that it wrote. */
export function notified(line: Line, kind: NotifiedKind): NewEvent {
  const event: NewEvent = {
    type: "app.notification",
    scope: scopeOf(line.audience),
    thread: line.audience.thread,
    class: kind.delta ? "delta" : "fact",
    context: line.context,
    body: line.raw,
  }
  if (kind.everybody && event.scope !== "hidden") event.scope = "global"
  if (kind.settles) event.settles = true
  if (!kind.stored) event.stored = false
  return event
}

/** A server request as a signal; `context` also names our `requestId`. */
export const requested = ({ audience, context, raw }: Line): NewEvent => ({
  type: "app.request",
  scope: scopeOf(audience),
  thread: audience.thread,
  class: "fact",
  context,
  body: raw,
})

/** A server request of a kind that we don't know; it was refused. */
export const unsupported = ({ audience, raw }: Line): NewEvent => ({
  type: "request.unsupported",
  scope: scopeOf(audience),
  thread: audience.thread,
  class: "fact",
  context: "",
  body: raw,
})

export const requestOpened = (audience: Audience, frame: string, payload: unknown): NewEvent =>
  fact("request.opened", audience, { frame, payload })

export const requestClosed = (audience: Audience, frame: string, payload: unknown): NewEvent =>
  fact("request.closed", audience, { frame, payload })

export const sessionCreated = (audience: Audience, session: unknown): NewEvent =>
  fact("session.created", audience, { session })

/** `changed` names the fields that are different now. */
export const sessionUpdated = (audience: Audience, sessionId: string, changed: string[]): NewEvent =>
  fact("session.updated", audience, { sessionId, changed })

/** The state of the child: the lifecycle's name, pid, version, and why it is not ready. */
export const runtimeUpdated = (payload: unknown): NewEvent => ({
  ...fact("runtime.updated", { thread: null }, payload),
  scope: "global",
})
