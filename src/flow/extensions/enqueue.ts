// `tools.enqueueJob`: work for the queue, within the project and session of the event that caused it (wire-contract §5.3).

import * as v from "valibot"
import type { Enqueued } from "../../engine/host/contract.ts"
import type { Tool } from "../../engine/host/host.ts"
import type { Jobs } from "../jobs/jobs.ts"
import { jobView } from "../jobs/view.ts"

const word = v.pipe(v.string(), v.minLength(1), v.maxLength(240))
const Input = v.object({
  type: word,
  projectId: word,
  sourceSessionId: v.optional(word),
  payload: v.record(v.string(), v.unknown()),
})

/** Rejects with the queue's fault; its message is the tool's error. */
export const enqueueTool =
  (jobs: Pick<Jobs, "queue">): Tool =>
  async ([given], { scope }): Promise<Enqueued> => {
    const parsed = v.safeParse(Input, given)
    if (!parsed.success) {
      const [issue] = parsed.issues
      throw new Error(`enqueueJob: ${v.getDotPath(issue) ?? "the job"}: ${issue.message}`)
    }
    const { type, projectId: owner, sourceSessionId: source = scope.sessionId, payload } = parsed.output
    const owners = [scope.projectId, scope.sessionId && `session:${scope.sessionId}`].filter(Boolean)
    if (owners.length > 0 && !owners.includes(owner))
      throw new Error(`enqueueJob: ${owner} is not the event's project or session`)
    if (scope.sessionId !== undefined && source !== scope.sessionId)
      throw new Error(`enqueueJob: ${source} is not the event's session`)
    const key = typeof payload.dedupeKey === "string" ? { dedupeKey: `${owner}:${payload.dedupeKey}` } : {}
    const { job, outcome } = await jobs.queue().enqueue({ type, owner, source, payload, ...key })
    return { status: outcome === "enqueued" ? "enqueued" : "already_queued", job: jobView(job) }
  }
