// Asking for the next message: it is put to the extensions, and the job that one of them hands in is the one that counts. Its text
// is the suggestion's state under the key of the request, not the job's result.

import type { Config } from "../../base/config/config.ts"
import { Fault } from "../../base/fault.ts"
import type { Clock } from "../../base/kit/clock.ts"
import { newId } from "../../base/kit/ids.ts"
import { ownerOfSession } from "../../domain/projects/projects.ts"
import type { Session } from "../../domain/sessions/session.ts"
import type { Envelope, SuggestRequestRequested } from "../../engine/host/contract.ts"
import type { Extensions } from "../extensions/extensions.ts"
import { NO_REQUEST } from "../extensions/payloads.ts"
import type { Jobs } from "../jobs/jobs.ts"
import type { Rooms } from "../rooms.ts"
import { fallbackOf } from "./agent/texts.ts"

export interface SuggestNeeds {
  config: Pick<Config, "orchestratorSuggestRequestWaitMs">
  clock: Clock
  rooms: Pick<Rooms, "transcript" | "turns" | "suggestions">
  jobs: Pick<Jobs, "queue">
  extensions: Pick<Extensions, "ask">
}

export interface Wishes {
  model?: string | undefined
  effort?: string | undefined
  draft?: string | undefined
}
export interface Asked {
  jobId: string
  requestKey: string
  sessionId: string
  projectId: string
  dedupe: "enqueued" | "already_queued"
}
/** `later`: it goes on, and is told when it is done. */
export type Suggested = { is: "ok" | "fallback"; suggestion: string } | { is: "later" }

export function createSuggest({ config, clock, rooms, jobs, extensions }: SuggestNeeds) {
  /** Throws the queue's faults, and `job_conflict` where no extension takes it up. While one is under way, that one is answered. */
  async function ask(session: Session, wishes: Wishes): Promise<Asked> {
    const payload = await payloadOf(session, wishes)
    const { sessionId, projectId, requestKey } = payload
    const { envelopes, refusal } = await extensions.ask("suggest_request.requested", payload)
    const all = envelopes.flatMap((envelope) => enqueuedIn(envelope) ?? [])
    const taken = all.find(({ dedupe }) => dedupe === "enqueued") ?? all[0]
    if (taken) {
      const { jobId, dedupe } = taken
      return { jobId, requestKey: taken.requestKey ?? requestKey, sessionId, projectId, dedupe }
    }
    if (refusal) throw withSession(refusal, sessionId)
    throw new Fault("job_conflict", "no extension took the request for a suggestion up", { sessionId })
  }

  async function payloadOf({ id, projectId }: Session, wishes: Wishes): Promise<SuggestRequestRequested> {
    const { model, effort, draft } = wishes
    const chat = (await rooms.transcript.read(id)).filter(
      ({ role, content }) => role !== "system" && content.trim() !== "",
    )
    return {
      requestKey: newId(),
      sessionId: id,
      projectId: projectId ?? ownerOfSession(id),
      threadId: id,
      turnId: rooms.turns.active(id)?.id ?? "suggest-request",
      userRequest: chat.findLast(({ role }) => role === "user")?.content ?? NO_REQUEST,
      turnTranscript: chat.map(({ role, content }, at) => `${at + 1}. ${role}: ${content}`).join("\n"),
      ...(model !== undefined && { model }),
      ...(effort !== undefined && { effort }),
      ...(draft !== undefined && { draft }),
    }
  }

  /** Waits for its end as long as a caller may be kept. Throws `no_context`. */
  async function wait(
    { jobId, sessionId, requestKey }: Asked,
    draft: string | undefined,
  ): Promise<Suggested> {
    const abort = new AbortController()
    using _deadline = clock.after(config.orchestratorSuggestRequestWaitMs, () => abort.abort())
    const job = await jobs.queue().over(jobId, abort.signal)
    const state = rooms.suggestions.find(sessionId, requestKey)
    if (state?.status === "complete" && state.suggestion !== undefined)
      return { is: state.fallback ? "fallback" : "ok", suggestion: state.suggestion }
    if (job?.state === "queued" || job?.state === "running") return { is: "later" }
    if (job?.state === "failed" && job.error?.includes("no_context"))
      throw new Fault("no_context", "there is nothing to suggest from", { sessionId, requestKey })
    return { is: "fallback", suggestion: fallbackOf(draft) }
  }

  return {
    /** Throws `queue_disabled`. */
    refuseWithoutQueue(sessionId: string): void {
      try {
        jobs.queue()
      } catch (error) {
        throw error instanceof Fault ? withSession(error, sessionId) : error
      }
    },
    ask,
    wait,
  }
}
export type Suggest = ReturnType<typeof createSuggest>

interface Taken {
  jobId: string
  /** The key that its text will be found under. */
  requestKey: string | undefined
  dedupe: Asked["dedupe"]
}

/** The job that a handler handed in, by the tool or by the action. */
function enqueuedIn(envelope: Envelope): Taken | undefined {
  if (envelope.kind === "enqueue_result") return takenOf(envelope.status, envelope.job)
  if (envelope.kind !== "action_result" || envelope.actionType !== "queue.enqueue") return undefined
  const { enqueueStatus, job } = (envelope.details ?? {}) as Details
  return enqueueStatus && job && takenOf(enqueueStatus, job)
}
interface Details {
  enqueueStatus?: Asked["dedupe"]
  job?: Record<string, unknown>
}

function takenOf(dedupe: Asked["dedupe"], { id, payload }: Record<string, unknown>): Taken {
  const { completionSignal, requestKey } = (payload ?? {}) as Keyed
  return { jobId: String(id), requestKey: completionSignal?.requestKey ?? requestKey, dedupe }
}
interface Keyed {
  completionSignal?: { requestKey?: string }
  requestKey?: string
}

const withSession = (fault: Fault, sessionId: string): Fault =>
  new Fault(fault.code, fault.message, { ...fault.details, sessionId }, { cause: fault })
