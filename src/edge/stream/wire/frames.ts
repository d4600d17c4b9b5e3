// What may cross the wire towards a listener: the closed table from an event's type to its frames (wire-contract §2.4,
// decisions 1, 38, 42). The index of a frame within its event is fixed for ever: seq = 16 × event number + index.
// A frame is text made from the stored event alone, so a replayed frame is the live one, byte for byte.

import type { LoggedEvent, Scope } from "../../../base/events/event.ts"
import { iso } from "../../../base/kit/clock.ts"
import { type Family, type FamilyMask, maskOf } from "./families.ts"
import { type RawLine, readRawLine } from "./raw-line.ts"
import { signalName } from "./signal-name.ts"

/** One kind of frame that an event yields. Its text is made when somebody wants it. */
export interface FrameKind {
  index: number
  family: Family
  mask: FamilyMask
  type(event: LoggedEvent, read: Reading): string
  payload(event: LoggedEvent, read: Reading): string
  /** A narrower scope than the event's; undefined when the event has no such frame. */
  scope?(event: LoggedEvent, read: Reading): Scope | undefined
}

/** The parts of an event's context, as JSON text. */
interface ContextText {
  turnId: string
  session: string
  requestId: string
}

/** A frame ready to be told. */
export interface Frame {
  seq: number
  family: Family
  scope: Scope
  text(): string
}

/** Notifications that have a frame of their own besides (wire-contract §2.4). */
const ALIASES: Record<string, string> = {
  "turn/plan/updated": "turn_plan_updated",
  "turn/diff/updated": "turn_diff_updated",
  "thread/tokenUsage/updated": "thread_token_usage_updated",
  "app/list/updated": "app_list_updated",
  "mcpServer/oauthLogin/completed": "mcp_oauth_completed",
  "account/updated": "account_updated",
  "account/login/completed": "account_login_completed",
  "account/rateLimits/updated": "account_rate_limits_updated",
}

const kind = (
  index: number,
  family: Family,
  made: Pick<FrameKind, "type" | "payload"> & Partial<Pick<FrameKind, "scope">>,
): FrameKind => ({ index, family, mask: maskOf(family), ...made })

/** An event whose body is the payload of its one frame. */
const plain = (family: Family, type: string): FrameKind[] => [
  kind(0, family, { type: () => type, payload: (event) => event.body }),
]

/** An event whose body is `{"frame": type, "payload": …}`. */
const named: FrameKind[] = [
  kind(0, "request", {
    type: (event) => (JSON.parse(event.body) as { frame: string }).frame,
    payload: (event) => JSON.stringify((JSON.parse(event.body) as { payload: unknown }).payload ?? null),
  }),
]

/**
 * Where the signal and the raw notification of a message go. An event whose alias is for everybody (`account/updated` and
 * the like) has scope global; its other frames stay with the thread, or with unfiltered listeners. A frame may only narrow
 * its event's scope: a filtered replay reads no more of the log than the scope says.
 */
const ownScope = (event: LoggedEvent): Scope => {
  if (event.scope !== "global") return event.scope
  return event.thread === null ? "none" : "thread"
}
const seenSignal = (event: LoggedEvent): Scope | undefined =>
  event.scope === "hidden" ? undefined : ownScope(event)

export const FRAMES: Record<string, FrameKind[]> = {
  "app.notification": [
    kind(0, "signal", {
      type: (_, read) => `app_server.${read.signalName()}`,
      payload: (event, read) => signal(event, read, "notification"),
      scope: seenSignal,
    }),
    kind(1, "alias", {
      type: (_, read) => ALIASES[read.line().method] ?? "",
      payload: (_, read) => read.line().params ?? "{}",
      scope: (event, read) => (Object.hasOwn(ALIASES, read.line().method) ? event.scope : undefined),
    }),
    kind(2, "notification", {
      type: () => "notification",
      payload: (event) => event.body,
      scope: ownScope,
    }),
  ],
  "app.request": [
    kind(0, "signal", {
      type: (_, read) => `app_server.request.${read.signalName()}`,
      payload: (event, read) => signal(event, read, "request"),
      scope: seenSignal,
    }),
  ],
  "request.unsupported": plain("request", "server_request"),
  "request.opened": named,
  "request.closed": named,
  "transcript.updated": plain("transcript", "transcript_updated"),
  "transcript.delta": plain("transcript", "transcript_delta"),
  "session.created": plain("session", "session_created"),
  "session.updated": plain("session", "session_updated"),
  "session.controls_updated": plain("session", "session_controls_updated"),
  "session.settings_updated": plain("session", "session_settings_updated"),
  "session.prompt_updated": plain("session", "prompt_updated"),
  "session.deleted": plain("session", "session_deleted"),
  "session.project_updated": plain("session", "session_project_updated"),
  "project.upserted": plain("project", "project_upserted"),
  "project.deleted": plain("project", "project_deleted"),
  "job.queued": plain("job", "orchestrator_job_queued"),
  "job.started": plain("job", "orchestrator_job_started"),
  "job.progress": plain("job", "orchestrator_job_progress"),
  "job.completed": plain("job", "orchestrator_job_completed"),
  "job.failed": plain("job", "orchestrator_job_failed"),
  "job.canceled": plain("job", "orchestrator_job_canceled"),
  "suggestion.updated": plain("suggestion", "suggested_request_updated"),
  "runtime.updated": plain("system", "runtime_updated"),
}

const NO_KINDS: FrameKind[] = []
/** Names of methods come from the child: a sane one has a few hundred. */
const MAX_NAMES = 2_000

/**
 * Makes frames of events. It remembers what neighbours share (the name of a method, a context, a millisecond), so that a
 * delta costs little more than putting its text together.
 */
export function createFraming() {
  const kindsOf = new Map(Object.entries(FRAMES))
  const memory: Memory = {
    nameOf: remembered(signalName),
    context: { text: "", parts: contextText("") },
    moment: { at: 0, text: iso(0) },
  }

  /** The frames of an event that somebody wants, in order of their index. A type without a row has none. */
  const framesOf = (event: LoggedEvent, wanted: FamilyMask): Frame[] => {
    const frames: Frame[] = []
    const read = new Reading(event, memory)
    for (const one of kindsOf.get(event.type) ?? NO_KINDS) {
      if ((one.mask & wanted) === 0) continue
      const scope = one.scope === undefined ? event.scope : one.scope(event, read)
      if (scope === undefined) continue
      const seq = 16 * event.n + one.index
      frames.push({ seq, family: one.family, scope, text: () => frameText(event, one, read) })
    }
    return frames
  }
  return { framesOf }
}
export type Framing = ReturnType<typeof createFraming>

/** What neighbouring events mostly share. */
interface Memory {
  nameOf(method: string): string
  context: { text: string; parts: ContextText }
  moment: { at: number; text: string }
}

/** What is read out of an event at most once, however many of its frames want it. A class: one is made for every event. */
class Reading {
  readonly #event: LoggedEvent
  readonly #memory: Memory
  #line: RawLine | undefined

  constructor(event: LoggedEvent, memory: Memory) {
    this.#event = event
    this.#memory = memory
  }
  line(): RawLine {
    this.#line ??= readRawLine(this.#event.body)
    return this.#line
  }
  signalName(): string {
    return this.#memory.nameOf(this.line().method)
  }
  context(): ContextText {
    const { context } = this.#event
    if (this.#memory.context.text !== context)
      this.#memory.context = { text: context, parts: contextText(context) }
    return this.#memory.context.parts
  }
  at(): string {
    const { at } = this.#event
    if (this.#memory.moment.at !== at) this.#memory.moment = { at, text: iso(at) }
    return this.#memory.moment.text
  }
}

function contextText(text: string): ContextText {
  const context = text === "" ? {} : (JSON.parse(text) as Record<string, unknown>)
  const part = (name: string) => JSON.stringify(context[name] ?? null)
  return { turnId: part("turnId"), session: part("session"), requestId: part("requestId") }
}

function frameText(event: LoggedEvent, one: FrameKind, read: Reading): string {
  const type = quote(one.type(event, read))
  const payload = one.payload(event, read) || "null"
  const stored = event.stored ? "" : ',"stored":false'
  return `{"type":${type},"threadId":${quoted(event.thread)},"seq":${16 * event.n + one.index},"at":"${read.at()}","payload":${payload}${stored}}`
}

/** The envelope of wire-contract §4.1, for a notification or a request. */
function signal(event: LoggedEvent, read: Reading, signalType: "notification" | "request"): string {
  const { method, params } = read.line()
  const { turnId, session, requestId } = read.context()
  const isRequest = signalType === "request"
  const eventType = quote(`app_server.${isRequest ? "request." : ""}${read.signalName()}`)
  const own = isRequest ? `,"requestId":${requestId}` : ""
  const context = `{"threadId":${quoted(event.thread)},"turnId":${turnId}}`
  return `{"source":"app_server","signalType":"${signalType}","eventType":${eventType},"method":${quote(method)},"receivedAt":"${read.at()}","context":${context},"params":${params ?? "null"},"session":${session}${own}}`
}

const quoted = (text: string | null): string => (text === null ? "null" : quote(text))

/** JSON text of names that come again and again: types, methods, threads. */
const quote = remembered((text: string) => JSON.stringify(text))

/** The same function, whose answers are kept. */
function remembered(make: (text: string) => string): (text: string) => string {
  const known = new Map<string, string>()
  return (text) => {
    const found = known.get(text)
    if (found !== undefined) return found
    if (known.size >= MAX_NAMES) known.clear()
    const made = make(text)
    // A copy: a text cut out of a longer one would keep all of that in memory.
    known.set(Array.from(text).join(""), made)
    return made
  }
}
