// `tools.enqueueJob` of an extension's handler: the queue's answer, or its fault with the code in front, so that whoever waits
// for the event can tell a full queue from a wrong payload (wire-contract §5.3, §5.6: never checked for capabilities).

import * as v from "valibot"
import { Fault } from "../../base/fault.ts"
import type { Tool } from "../../engine/host/host.ts"
import type { Jobs } from "./jobs.ts"
import { newJobOf } from "./new-job.ts"
import { jobView } from "./view.ts"

const input = v.object({
  type: v.pipe(v.string(), v.minLength(1)),
  projectId: v.pipe(v.string(), v.minLength(1)),
  sourceSessionId: v.optional(v.pipe(v.string(), v.minLength(1))),
  payload: v.record(v.string(), v.unknown()),
})

export const enqueueTool =
  (jobs: () => Jobs): Tool =>
  async ([given]) => {
    const parsed = v.safeParse(input, given)
    if (!parsed.success) {
      const issue = parsed.issues[0]
      throw said(new Fault("invalid_payload", `${v.getDotPath(issue) ?? "job"}: ${issue.message}`))
    }
    try {
      const { job, outcome } = await jobs().queue().enqueue(newJobOf(parsed.output))
      return { status: outcome === "enqueued" ? outcome : "already_queued", job: jobView(job) }
    } catch (error) {
      throw error instanceof Fault ? said(error) : error
    }
  }

/** The fault itself is its cause. */
const said = (fault: Fault): Error => new Error(`${fault.code}: ${fault.message}`, { cause: fault })
