// Asking for the next message: an instruction to the default agent, with the chat so far. It ends with what may be done and the
// form of it, never with the words (decisions 24). The text that counts is the suggestion's state, not the job's result.

import type { Config } from "../../base/config/config.ts"
import { Fault } from "../../base/fault.ts"
import type { Clock } from "../../base/kit/clock.ts"
import { newId } from "../../base/kit/ids.ts"
import { ownerOfSession } from "../../domain/projects/projects.ts"
import type { Session } from "../../domain/sessions/session.ts"
import type { Job } from "../../engine/queue/job.ts"
import type { Jobs } from "../jobs/jobs.ts"
import { newJobOf } from "../jobs/new-job.ts"
import type { Rooms } from "../rooms.ts"
import { DEFAULT_AGENT } from "./agent/agents.ts"
import { fallbackOf } from "./agent/texts.ts"

export interface SuggestNeeds {
  config: Pick<Config, "orchestratorSuggestRequestWaitMs">
  clock: Clock
  rooms: Pick<Rooms, "transcript" | "turns" | "suggestions">
  jobs: Pick<Jobs, "queue">
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

/** The newest part of a long chat is what the next message is about. */
const MOST_CHARS = 60_000
const NO_REQUEST = "(nothing was asked yet)"

export function createSuggest({ config, clock, rooms, jobs }: SuggestNeeds) {
  /** Throws `queue_disabled`, `queue_full`. One at a time a session: while one is under way, that one is answered. */
  async function ask(session: Session, wishes: Wishes): Promise<Asked> {
    const queue = jobs.queue()
    const sessionId = session.id
    const projectId = session.projectId ?? ownerOfSession(sessionId)
    const requestKey = newId()
    const payload = await payloadOf({ sessionId, projectId, requestKey }, wishes)
    const given = { type: "agent_instruction", projectId, sourceSessionId: sessionId, payload }
    try {
      const { job, outcome } = await queue.enqueue(newJobOf(given))
      const isNew = outcome === "enqueued"
      return {
        jobId: job.id,
        requestKey: isNew ? requestKey : keyOf(job),
        sessionId,
        projectId,
        dedupe: isNew ? "enqueued" : "already_queued",
      }
    } catch (error) {
      throw error instanceof Fault ? withSession(error, sessionId) : error
    }
  }

  async function payloadOf(about: About, { model, effort, draft }: Wishes): Promise<Record<string, unknown>> {
    const { sessionId, projectId, requestKey } = about
    const chat = (await rooms.transcript.read(sessionId)).filter(
      ({ role, content }) => role !== "system" && content.trim() !== "",
    )
    const lines = chat.map(({ role, content }, at) => `${at + 1}. ${role}: ${content}`).join("\n")
    const turnId = rooms.turns.active(sessionId)?.id ?? "suggest-request"
    return {
      agent: DEFAULT_AGENT,
      jobKind: "suggest_request",
      projectId,
      sourceSessionId: sessionId,
      threadId: sessionId,
      turnId,
      dedupeKey: `suggest_request:${sessionId}`,
      instructionText: instruction({
        ...about,
        turnId,
        userRequest: chat.findLast(({ role }) => role === "user")?.content ?? NO_REQUEST,
        transcript:
          lines.length <= MOST_CHARS ? lines : `[earlier part left out]\n${lines.slice(-MOST_CHARS)}`,
        draft,
      }),
      actions: ["suggestion.upsert"],
      completionSignal: { kind: "suggested_request", requestKey },
      ...(model !== undefined && { model }),
      ...(effort !== undefined && { effort }),
      ...(draft !== undefined && { fallbackSuggestionDraft: draft }),
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

interface About {
  sessionId: string
  projectId: string
  requestKey: string
}

const withSession = (fault: Fault, sessionId: string): Fault =>
  new Fault(fault.code, fault.message, { ...fault.details, sessionId }, { cause: fault })

const keyOf = ({ payload }: Job): string =>
  (JSON.parse(payload) as { completionSignal?: { requestKey: string } }).completionSignal?.requestKey ?? ""

interface InstructionParts extends About {
  turnId: string
  userRequest: string
  transcript: string
  draft: string | undefined
}

function instruction(parts: InstructionParts): string {
  const { sessionId, turnId, requestKey, userRequest, transcript, draft } = parts
  const effect = {
    action: "suggestion.upsert",
    tool: "suggestion_upsert",
    input: {
      type: "object",
      properties: {
        requestKey: { const: requestKey },
        status: { const: "complete" },
        suggestion: { type: "string", maxLength: 8_000 },
      },
      required: ["requestKey", "status", "suggestion"],
    },
  }
  return `Write the message that the user of session ${sessionId} is most likely to want to send next.

Write it as they would write it: one message, in their language, ready to be sent. It takes the work one step further: what the last
answer left open, or what has to be checked. Do not answer the message yourself, and do not explain it.
${draft === undefined ? "" : `\nThey began it like this; keep what they mean:\n<draft>\n${draft}\n</draft>\n`}
What they asked last (turn ${turnId}):
<last_request>
${userRequest}
</last_request>

The chat so far:
<chat>
${transcript}
</chat>

Give it with the tool suggestion_upsert, once. What may be done:
\`\`\`json
${JSON.stringify({ effects: [effect] }, null, 2)}
\`\`\``
}
