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

/** What became of a request after its end was told. */
export const requestUpdated = (audience: Audience, payload: unknown): NewEvent =>
  fact("request.updated", audience, payload)

/** An entry that no item tells of, whole: `{threadId, turnId, messageId, type, entry}`. */
export const transcriptUpdated = (audience: Audience, payload: unknown): NewEvent =>
  fact("transcript.updated", audience, payload)

/** Text that an entry has grown by, and where it begins: `{threadId, turnId, messageId, offset, delta}`. */
export const transcriptDelta = (audience: Audience, payload: unknown): NewEvent => ({
  ...fact("transcript.delta", audience, payload),
  class: "delta",
})

export const sessionCreated = (audience: Audience, session: unknown): NewEvent =>
  fact("session.created", audience, { session })

/** `changed` names the fields that are different now. */
export const sessionUpdated = (audience: Audience, sessionId: string, changed: string[]): NewEvent =>
  fact("session.updated", audience, { sessionId, changed })

/** A message that waits for its turn, as it is now. */
export const promptUpdated = (audience: Audience, prompt: unknown): NewEvent =>
  fact("session.prompt_updated", audience, prompt)

/** A session's audience; the default, without one, concerns every session. */
const controlEvent = (type: string, audience: Audience | undefined, body: object): NewEvent => {
  const about = { sessionId: audience?.thread ?? null, scope: audience ? "session" : "default", ...body }
  const event = fact(type, audience ?? { thread: null }, about)
  return audience ? event : { ...event, scope: "global" }
}

/** Policies or the model of a scope are others now; `changed` names which. */
export const controlsUpdated = (
  audience: Audience | undefined,
  told: { changed: string[]; controls: unknown },
): NewEvent => controlEvent("session.controls_updated", audience, told)

/** `changed` names the top-level keys; their values, which may be secrets, are read where they are kept. */
export const settingsUpdated = (audience: Audience | undefined, changed: string[]): NewEvent =>
  controlEvent("session.settings_updated", audience, { changed })

/** To everybody, but of a hidden session only to its own listeners (wire-contract §2.2). */
const worldwide = (event: NewEvent): NewEvent =>
  event.scope === "hidden" ? event : { ...event, scope: "global" }

export const SESSION_DELETED = "session.deleted"

/** The last that is told of a session; `body` is D410's. */
export const sessionDeleted = (audience: Audience, body: unknown): NewEvent =>
  worldwide(fact(SESSION_DELETED, audience, body))

/** `{sessionId, projectId}`, with `status` and `previousProjectId` where a route assigned it. */
export const sessionProjectUpdated = (audience: Audience, body: unknown): NewEvent =>
  worldwide(fact("session.project_updated", audience, body))

export const projectUpserted = (project: unknown): NewEvent =>
  worldwide(fact("project.upserted", { thread: null }, { project }))

/** Only an empty project is deleted: `sessionIds` is there for existing clients. */
export const projectDeleted = (projectId: string): NewEvent =>
  worldwide(fact("project.deleted", { thread: null }, { projectId, sessionIds: [] }))

/** The state of the child: the lifecycle's name, pid, version, and why it is not ready. */
export const runtimeUpdated = (payload: unknown): NewEvent => ({
  ...fact("runtime.updated", { thread: null }, payload),
  scope: "global",
})

/** What happened to a job; `audience` is that of the session it came from, if it came from one. */
export const jobEvent = (change: string, audience: Audience, body: object): NewEvent =>
  fact(`job.${change}`, audience, body)

/** `{sessionId, requestKey, status, suggestion?, error?}` */
export const suggestionUpdated = (audience: Audience, body: unknown): NewEvent =>
  fact("suggestion.updated", audience, body)
