// Rows that a job writes: in the worker's own session, what its turns were for; in the source session, what came of it, where
// the job has rows there at all (wire-contract §3.3, §3.6, §6.7, §9.2 18).

import type { Clock } from "../../../base/kit/clock.ts"
import type { Db, Tx } from "../../../base/storage/port.ts"
import { isSettled } from "../../../domain/suggestions/suggestions.ts"
import type { EntryStatus } from "../../../domain/transcript/entry.ts"
import type { Job } from "../../../engine/queue/job.ts"
import type { Instruction } from "../../jobs/agent-instruction.ts"
import type { Rooms } from "../../rooms.ts"
import { fallbackOf } from "../agent/texts.ts"

export interface RowsNeeds {
  db: Db
  clock: Clock
  rooms: Rooms
}

/** A turn of a worker, and what it is for. */
export interface Phase {
  sessionId: string
  phase: "core_orientation" | "extension_bootstrap" | "job_execution"
  /** Between the prefix and the turn's id. */
  name: string
  details: Record<string, unknown>
}

interface PhaseState {
  status: EntryStatus
  startedAt: number
}

const ENDS = { completed: "complete", failed: "error", canceled: "canceled" } as const

export function createRows({ db, clock, rooms }: RowsNeeds) {
  const { transcript, sessions, suggestions } = rooms

  function putPhase(at: Phase, turnId: string, { status, startedAt }: PhaseState): Promise<void> {
    const { sessionId, phase, name, details } = at
    const completedAt = status === "streaming" ? undefined : clock.now()
    const durationMs = completedAt === undefined ? {} : { durationMs: completedAt - startedAt }
    return db.act((tx) => {
      if (!sessions.find(sessionId, tx)) return
      transcript.say(tx, sessionId, {
        messageId: `agent-worker-lifecycle::${name}::${turnId}`,
        turnId,
        role: "system",
        type: "agent.worker.lifecycle",
        content: `${phase.replaceAll("_", " ")}: ${status}`,
        details: JSON.stringify({ phase, ...details, ...durationMs }),
        status,
        startedAt,
        completedAt,
      })
    })
  }

  /** What the job says in the session that it came from. */
  function output(tx: Tx, { job, given, content, status }: Output): void {
    if (!sessions.find(given.sourceSessionId, tx)) return
    const { jobKind, agent, projectId, sourceSessionId, threadId, turnId, itemId, anchorItemId, approvalId } =
      given
    const about = { jobId: job.id, jobKind, agent, projectId, sourceSessionId }
    const from = { sourceThreadId: threadId, sourceTurnId: turnId, itemId, anchorItemId, approvalId }
    transcript.say(tx, sourceSessionId, {
      messageId: `agent-job-output::${job.id}`,
      turnId,
      role: "system",
      type: "agent.jobOutput",
      content,
      details: JSON.stringify({ ...about, ...from }),
      status,
      startedAt: job.startedAt ?? clock.now(),
      completedAt: status === "streaming" ? undefined : clock.now(),
      author: `job:${job.id}`,
    })
  }

  /** A new attempt: its rows are there from now on. */
  const opened = (job: Job, given: Instruction): Promise<void> =>
    db.act((tx) => {
      const targets = given.supplementalTargets ?? []
      if (targets.length > 0 && sessions.find(given.sourceSessionId, tx))
        transcript.openTargets(tx, given.sourceSessionId, { about: aboutOf(job, given), targets })
    })

  /** The job is over: within the act that ends it, so that whatever died on the way, everything that waits for it ends. */
  function settled(tx: Tx, job: Job, given: Instruction): void {
    const outcome = ENDS[job.state as keyof typeof ENDS]
    const { sourceSessionId, supplementalTargets: targets = [], expectResponse = "none" } = given
    if (!sessions.find(sourceSessionId, tx)) return
    const reason = job.error?.slice(0, 400)
    transcript.reconcileTargets(tx, sourceSessionId, { about: aboutOf(job, given), targets, outcome, reason })
    closeOwn(tx, job, given, outcome)
    const text = outcome === "complete" ? textOf(job, given) : (job.error ?? outcome)
    const tells =
      outcome === "complete" ? text !== undefined : targets.length > 0 || expectResponse !== "none"
    if (tells && text !== undefined) output(tx, { job, given, content: text, status: outcome })
    settleSuggestion(tx, job, given)
  }

  /** Rows that the worker began and left. */
  function closeOwn(tx: Tx, job: Job, { sourceSessionId, turnId }: Instruction, status: EntryStatus): void {
    const author = `job:${job.id}`
    for (const row of transcript.ofTurn(tx, sourceSessionId, turnId))
      if (row.status === "streaming" && row.author === author)
        transcript.say(tx, sourceSessionId, { ...row, status, completedAt: clock.now() })
  }

  function settleSuggestion(tx: Tx, job: Job, given: Instruction): void {
    const requestKey = given.completionSignal?.requestKey
    const { sourceSessionId: sessionId, fallbackSuggestionDraft: draft } = given
    if (requestKey === undefined || isSettled(suggestions.find(sessionId, requestKey, tx))) return
    const about = { sessionId, requestKey }
    if (job.state === "completed")
      suggestions.upsert(tx, { ...about, status: "complete", suggestion: fallbackOf(draft), fallback: true })
    else if (job.state === "canceled") suggestions.upsert(tx, { ...about, status: "canceled" })
    else
      suggestions.upsert(tx, {
        ...about,
        status: "error",
        error: (job.error ?? "").slice(0, 4_000) || undefined,
      })
  }

  return { putPhase, output, opened, settled }
}
export type Rows = ReturnType<typeof createRows>

export interface Output {
  job: Job
  given: Instruction
  content: string
  status: EntryStatus
}

const aboutOf = ({ id }: Job, { turnId, anchorItemId, approvalId }: Instruction) => ({
  turnId,
  author: `job:${id}` as const,
  anchorItemId,
  approvalId,
})

/** What a job that is done says, if it says anything. */
function textOf(job: Job, { expectResponse }: Instruction): string | undefined {
  const result = JSON.parse(job.result ?? "null") as Result | null
  if (expectResponse === "assistant_text") return result?.outputText
  if (expectResponse !== "action_intents") return undefined
  const counts = new Map<string, number>()
  for (const { status } of result?.actionResults ?? []) counts.set(status, (counts.get(status) ?? 0) + 1)
  return [...counts].map(([status, count]) => `${count} ${status}`).join(", ") || "no actions"
}

interface Result {
  outputText?: string
  actionResults?: { status: string }[]
}
