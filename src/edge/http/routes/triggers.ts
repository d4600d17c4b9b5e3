// Schedules and webhooks: made, changed, listed with what came of them; and the door of the webhooks themselves, which is
// opened by a signature alone.

import { Hono } from "hono"
import { z } from "zod"
import { iso } from "../../../base/kit/clock.ts"
import { lazily } from "../../../base/kit/lazily.ts"
import type { Hook, Schedule, TriggerRun } from "../../../domain/triggers/store.ts"
import { inTime, upTo } from "../doors/in-time.ts"
import type { HttpEnv } from "../env.ts"
import { idParam } from "../guards.ts"
import { json } from "../reply.ts"
import { body, query } from "../valid.ts"
import type { RouteNeeds } from "./needs.ts"
import { jsonObject, limit, text } from "./schemas.ts"

const hookName = lazily(() =>
  z.string().regex(/^[a-z0-9][a-z0-9._-]{0,99}$/, "must be lower-case letters, digits, . _ -"),
)
const job = lazily(() => z.object({ kind: text(100), payload: jsonObject() }))
const schedule = lazily(() =>
  z.object({
    name: text(200),
    cron: text(200),
    timeZone: text(100).default("UTC"),
    missed: z.enum(["once", "skip"]).default("once"),
    overlap: z.boolean().default(false),
    enabled: z.boolean().default(true),
    job: job(),
  }),
)
const scheduleChange = lazily(() =>
  z.object({
    name: text(200).optional(),
    cron: text(200).optional(),
    timeZone: text(100).optional(),
    missed: z.enum(["once", "skip"]).optional(),
    overlap: z.boolean().optional(),
    enabled: z.boolean().optional(),
    job: job().optional(),
  }),
)
const hook = lazily(() => z.object({ name: hookName(), enabled: z.boolean().default(true), job: job() }))
const hookChange = lazily(() => z.object({ enabled: z.boolean().optional(), job: job().optional() }))
const page = lazily(() => z.object({ limit: limit().default(100) }))

const MAX_DELIVERY_MIB = 1
const at = (ms: number | undefined): string | null => (ms === undefined ? null : iso(ms))
const jobOf = ({ kind, payload }: Schedule | Hook) => ({ kind, payload: JSON.parse(payload) as unknown })

const scheduleView = (s: Schedule) => ({
  scheduleId: s.id,
  name: s.name,
  cron: s.cron,
  timeZone: s.timeZone,
  missed: s.missed,
  overlap: s.overlap,
  enabled: s.enabled,
  job: jobOf(s),
  nextAt: at(s.nextAt),
  lastDueAt: at(s.lastDueAt),
  lastJobId: s.lastJob ?? null,
  createdAt: iso(s.createdAt),
  updatedAt: iso(s.updatedAt),
})
const hookView = (h: Hook) => ({
  name: h.name,
  enabled: h.enabled,
  job: jobOf(h),
  secret: "[masked]",
  createdAt: iso(h.createdAt),
  updatedAt: iso(h.updatedAt),
})
const runView = (r: TriggerRun) => ({
  at: iso(r.at),
  dueAt: at(r.dueAt),
  outcome: r.outcome,
  jobId: r.job ?? null,
  error: r.error ?? null,
})
/** What is given and no undefined: a change keeps the rest. */
const given = <T extends object>(fields: T) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }

export const triggerRoutes = ({ schedules, hooks }: Pick<RouteNeeds, "schedules" | "hooks">) =>
  new Hono<HttpEnv>()
    .get("/schedules", () => json({ data: schedules.list().map(scheduleView) }))
    .post("/schedules", body(schedule), async (c) => {
      const { job, ...rest } = c.req.valid("json")
      return json({ status: "ok", schedule: scheduleView(await schedules.create({ ...rest, ...job })) })
    })
    .get("/schedules/:scheduleId", idParam("scheduleId"), (c) =>
      json({ status: "ok", schedule: scheduleView(schedules.find(c.req.param("scheduleId"))) }),
    )
    .patch("/schedules/:scheduleId", idParam("scheduleId"), body(scheduleChange), async (c) => {
      const { job, ...rest } = c.req.valid("json")
      const changed = await schedules.change(c.req.param("scheduleId"), { ...given(rest), ...job })
      return json({ status: "ok", schedule: scheduleView(changed) })
    })
    .delete("/schedules/:scheduleId", idParam("scheduleId"), async (c) => {
      await schedules.remove(c.req.param("scheduleId"))
      return json({ status: "ok", scheduleId: c.req.param("scheduleId") })
    })
    .get("/schedules/:scheduleId/runs", idParam("scheduleId"), query(page), (c) =>
      json({ data: schedules.runs(c.req.param("scheduleId"), c.req.valid("query").limit).map(runView) }),
    )
    .get("/hooks", () => json({ data: hooks.list().map(hookView) }))
    .post("/hooks", body(hook), async (c) => {
      const { job, ...rest } = c.req.valid("json")
      const made = await hooks.create({ ...rest, ...job })
      return json({ status: "ok", hook: hookView(made), secret: made.secret })
    })
    .patch("/hooks/:name", idParam("name"), body(hookChange), async (c) => {
      const { job, ...rest } = c.req.valid("json")
      const changed = await hooks.change(c.req.param("name"), { ...given(rest), ...job })
      return json({ status: "ok", hook: hookView(changed) })
    })
    .delete("/hooks/:name", idParam("name"), async (c) => {
      await hooks.remove(c.req.param("name"))
      return json({ status: "ok", name: c.req.param("name") })
    })
    .post("/hooks/:name/rotate", idParam("name"), async (c) => {
      const rotated = await hooks.rotate(c.req.param("name"))
      return json({ status: "ok", hook: hookView(rotated), secret: rotated.secret })
    })
    .get("/hooks/:name/runs", idParam("name"), query(page), (c) =>
      json({ data: hooks.runs(c.req.param("name"), c.req.valid("query").limit).map(runView) }),
    )

/** Mounted before the checks of Host, Origin and token (decisions 36). */
export const hookDoor = ({ hooks, clock }: Pick<RouteNeeds, "hooks" | "clock">) =>
  new Hono<HttpEnv>().post("/hooks/:name", upTo(MAX_DELIVERY_MIB), inTime(clock), async (c) => {
    const run = await hooks.deliver(c.req.param("name"), {
      timestamp: c.req.header("x-codexd-timestamp"),
      signature: c.req.header("x-codexd-signature"),
      body: await c.req.text(),
    })
    const isFirst = run.outcome === "enqueued"
    return json({ status: isFirst ? "queued" : "already_queued", jobId: run.job ?? null }, 202)
  })
