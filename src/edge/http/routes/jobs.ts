// Jobs of the queue: read, listed, cancelled, repeated; and the queue itself, held and let go (wire-contract §1.11).

import { Hono } from "hono"
import { z } from "zod"
import { Fault } from "../../../base/fault.ts"
import { iso } from "../../../base/kit/clock.ts"
import { lazily } from "../../../base/kit/lazily.ts"
import type { Job } from "../../../engine/queue/job.ts"
import { attemptsView, jobView } from "../../../flow/jobs/view.ts"
import type { HttpEnv } from "../env.ts"
import { idParam } from "../guards.ts"
import { json } from "../reply.ts"
import { body, query } from "../valid.ts"
import type { RouteNeeds } from "./needs.ts"
import { limit, text } from "./schemas.ts"

const state = lazily(() => z.enum(["queued", "running", "completed", "failed", "canceled"]))
const ofProject = lazily(() => z.object({ state: state().optional() }))
const all = lazily(() =>
  z.object({
    state: state().optional(),
    type: z.string().min(1).max(200).optional(),
    /** A project's id, or `session:ID`. */
    project: z.string().min(1).max(240).optional(),
    /** The session that it came from. */
    session: z.string().min(1).max(240).optional(),
    cursor: z
      .string()
      .regex(/^\d{1,15}$/, "is no cursor of this list")
      .transform(Number)
      .optional(),
    limit: limit().default(100),
  }),
)
const which = lazily(() =>
  z.object({
    /** Absent: the whole queue. */
    type: text(200).optional(),
  }),
)

const notFound = (jobId: string): Fault => new Fault("job_not_found", "no such job", { jobId })

export const jobRoutes = ({ jobs }: Pick<RouteNeeds, "jobs">) => {
  const withLogs = (job: Job) => ({
    status: "ok",
    job: jobView(job),
    attempts: attemptsView(job),
    logs: jobs
      .queue()
      .logs(job)
      .map(({ at, ...line }) => ({ at: iso(at), ...line })),
  })
  const queueView = () => {
    const queue = jobs.queue()
    const { owners, held, ...counts } = queue.stats()
    return { status: "ok", counts, projects: owners, paused: queue.paused(), types: queue.types() }
  }
  return new Hono<HttpEnv>()
    .get("/orchestrator/queue", () => json(queueView()))
    .post("/orchestrator/queue/pause", body(which), async (c) => {
      await jobs.queue().pause(c.req.valid("json").type)
      return json(queueView())
    })
    .post("/orchestrator/queue/resume", body(which), async (c) => {
      await jobs.queue().resume(c.req.valid("json").type)
      return json(queueView())
    })
    .get("/orchestrator/jobs", query(all), (c) => {
      const { project: owner, session: source, cursor: before, limit, ...rest } = c.req.valid("query")
      const page = jobs.queue().page({ ...rest, owner, source, before, limit: limit + 1 })
      const data = page.slice(0, limit)
      return json({
        data: data.map(jobView),
        nextCursor: page.length > limit ? String(data.at(-1)?.n ?? "") : null,
      })
    })
    .get("/orchestrator/jobs/:jobId", idParam("jobId"), (c) => {
      const job = jobs.queue().find(c.req.param("jobId"))
      if (!job) throw notFound(c.req.param("jobId"))
      return json(withLogs(job))
    })
    .post("/orchestrator/jobs/:jobId/cancel", idParam("jobId"), async (c) => {
      const found = await jobs.queue().cancel(c.req.param("jobId"), "api_cancel")
      if (!found) throw notFound(c.req.param("jobId"))
      if (found.over) throw new Fault("job_already_terminal", "the job is over", { job: jobView(found.job) })
      return json({ status: "ok", job: jobView(found.job) })
    })
    .post("/orchestrator/jobs/:jobId/retry", idParam("jobId"), async (c) => {
      const jobId = c.req.param("jobId")
      const again = await jobs.queue().again(jobId)
      if (again === "not_found") throw notFound(jobId)
      if (again === "not_over")
        throw new Fault("job_conflict", "only a job that failed or was canceled can be repeated", { jobId })
      const dedupe = again.outcome
      return json(
        { status: "queued", jobId: again.job.id, retryOf: jobId, dedupe, job: jobView(again.job) },
        202,
      )
    })
    .get("/projects/:projectId/orchestrator/jobs", idParam("projectId"), query(ofProject), (c) => {
      const { state } = c.req.valid("query")
      return json({ data: jobs.queue().ofOwner(c.req.param("projectId"), state).map(jobView) })
    })
}
