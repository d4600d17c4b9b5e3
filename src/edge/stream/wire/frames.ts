// What may cross the wire towards a listener: the closed table from an event's type to its frames (wire-contract §2.4,
// decisions 1, 38, 42). The index of a frame within its event is fixed for ever: seq = 16 × event number + index.
// A frame is text made from the stored event alone, so a replayed frame is the live one, byte for byte.

import type { LoggedEvent, Scope } from "../../../base/events/event.ts"
import { eventOf, FRAMES_PER_EVENT, seqOf } from "../../../base/events/replay.ts"
import { type Family, type FamilyMask, maskOf } from "./families.ts"
import { createMemory, Reading } from "./reading.ts"

/** One kind of frame that an event yields. Its text is made when somebody wants it. */
export interface FrameKind {
  index: number
  family: Family
  mask: FamilyMask
  /** As JSON text, like the payload. */
  type(event: LoggedEvent, read: Reading): string
  payload(event: LoggedEvent, read: Reading): string
  /** A narrower scope than the event's; undefined when the event has no such frame. */
  scope?(event: LoggedEvent, read: Reading): Scope | undefined
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

/** The highest index there is. Every event's last frame has it, so whoever has seen that one has seen the event whole. */
const LAST = FRAMES_PER_EVENT - 1

const kind = (
  index: number,
  family: Family,
  made: Pick<FrameKind, "type" | "payload"> & Partial<Pick<FrameKind, "scope">>,
): FrameKind => ({ index, family, mask: maskOf(family), ...made })

/** An event whose body is the payload of its one frame. */
const plain = (family: Family, type: string): FrameKind[] => {
  const text = JSON.stringify(type)
  return [kind(LAST, family, { type: () => text, payload: (event) => event.body })]
}

/** An event whose body is `{"frame": type, "payload": …}`. */
const named: FrameKind[] = [
  kind(LAST, "request", {
    type: (event) => JSON.stringify((JSON.parse(event.body) as { frame: string }).frame),
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
      type: (_, read) => read.names().notification.type,
      payload: (_, read) => signal(read, "notification"),
      scope: seenSignal,
    }),
    kind(1, "alias", {
      type: (_, read) => JSON.stringify(ALIASES[read.line().method] ?? ""),
      payload: (_, read) => read.line().params ?? "{}",
      scope: (event, read) => (Object.hasOwn(ALIASES, read.line().method) ? event.scope : undefined),
    }),
    kind(LAST, "notification", {
      type: () => '"notification"',
      payload: (event) => event.body,
      scope: ownScope,
    }),
  ],
  "app.request": [
    kind(LAST, "signal", {
      type: (_, read) => read.names().request.type,
      payload: (_, read) => signal(read, "request"),
      scope: seenSignal,
    }),
  ],
  "request.unsupported": plain("request", "server_request"),
  "request.opened": named,
  "request.closed": named,
  "request.updated": plain("request", "request_updated"),
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
  "job.late": plain("job", "orchestrator_job_late"),
  "suggestion.updated": plain("suggestion", "suggested_request_updated"),
  "runtime.updated": plain("system", "runtime_updated"),
}

/**
 * The place of a listener of these families that has seen `since` (`LOGID.SEQ`): the end of the event when nothing more of
 * it can come. The event itself may be gone, but below LAST an index belongs to one type only, whose kinds say what follows
 * (an alias may follow a signal, so of those two the event is taken for unfinished).
 */
export function placeOf(since: string, families: FamilyMask): string {
  const [, log, digits] = /^(.*)\.(\d{1,15})$/.exec(since) ?? []
  if (log === undefined || digits === undefined) return since
  const n = eventOf(Number(digits))
  const index = Number(digits) - seqOf(n, 0)
  const kinds = Object.values(FRAMES).find((own) => own.some((one) => one.index === index)) ?? []
  const isWhole = kinds.length > 0 && !kinds.some((one) => one.index > index && (one.mask & families) !== 0)
  return isWhole ? `${log}.${seqOf(n, LAST)}` : since
}

const NO_KINDS: FrameKind[] = []
/** Makes frames of events. */
export function createFraming() {
  const kindsOf = new Map(Object.entries(FRAMES))
  const memory = createMemory()

  /** The frames of an event that somebody wants, in order of their index. A type without a row has none. */
  const framesOf = (event: LoggedEvent, wanted: FamilyMask): Frame[] => {
    const frames: Frame[] = []
    const read = new Reading(event, memory)
    for (const one of kindsOf.get(event.type) ?? NO_KINDS) {
      if ((one.mask & wanted) === 0) continue
      const scope = one.scope === undefined ? event.scope : one.scope(event, read)
      if (scope === undefined) continue
      const seq = seqOf(event.n, one.index)
      frames.push({ seq, family: one.family, scope, text: () => frameText(event, one, read) })
    }
    return frames
  }
  return { framesOf }
}
export type Framing = ReturnType<typeof createFraming>

function frameText(event: LoggedEvent, one: FrameKind, read: Reading): string {
  const payload = one.payload(event, read) || "null"
  const stored = event.stored ? "" : ',"stored":false'
  return `{"type":${one.type(event, read)},"threadId":${read.thread()},"seq":${seqOf(event.n, one.index)},"at":"${read.at()}","payload":${payload}${stored}}`
}

/** The envelope of wire-contract §4.1, for a notification or a request. */
function signal(read: Reading, signalType: "notification" | "request"): string {
  const { params } = read.line()
  const { turnId, session, requestId } = read.context()
  const own = signalType === "request" ? `,"requestId":${requestId}` : ""
  const { head } = read.names()[signalType]
  return `${head}${read.at()}","context":{"threadId":${read.thread()},"turnId":${turnId}},"params":${params ?? "null"},"session":${session}${own}}`
}
