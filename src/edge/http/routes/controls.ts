// Session controls, settings and the approval policy (wire-contract §1.9).

import { Hono } from "hono"
import { createMiddleware } from "hono/factory"
import { z } from "zod"
import { Fault } from "../../../base/fault.ts"
import { lazily } from "../../../base/kit/lazily.ts"
import type { ControlScope } from "../../../domain/controls/controls.ts"
import { type Settings, settingOf, withoutSetting, withSettings } from "../../../domain/controls/settings.ts"
import type { SessionEnv } from "../env.ts"
import { invalidParam } from "../guards.ts"
import { described } from "../openapi/described.ts"
import { json } from "../reply.ts"
import { body, query } from "../valid.ts"
import type { RouteNeeds } from "./needs.ts"
import { policySent } from "./policy-sent.ts"
import { approvalPolicy, filesystemSandbox, jsonObject, jsonValue, networkAccess, text } from "./schemas.ts"

const scope = lazily(() => z.enum(["session", "default"]))
/** A key is data: it is taken as it is, but for a blank one. */
const key = lazily(() =>
  z
    .string()
    .max(240)
    .refine((word) => word.trim() !== "", "must not be blank"),
)
const by = lazily(() => ({ actor: text(120).optional(), source: text(64).optional() }))

const controls = lazily(() =>
  z.object({
    scope: scope(),
    controls: z.object({
      model: text(200).nullable(),
      approvalPolicy: approvalPolicy(),
      networkAccess: networkAccess(),
      filesystemSandbox: filesystemSandbox(),
      settings: jsonObject().optional(),
    }),
    ...by(),
  }),
)
const reading = lazily(() => z.object({ scope: scope().default("session"), key: key().optional() }))
const setting = lazily(() =>
  z.object({
    scope: scope(),
    key: key().optional(),
    value: jsonValue().optional(),
    settings: jsonObject().optional(),
    mode: z.enum(["merge", "replace"]).default("merge"),
    ...by(),
  }),
)
const removing = lazily(() => z.object({ scope: scope().default("session"), ...by() }))
const policy = lazily(() => z.object({ approvalPolicy: approvalPolicy() }))

/** The path's half of gate P. */
const namedKey = described(
  createMiddleware<SessionEnv>(async (c, next) => {
    if (!key().safeParse(c.req.param("key")).success) throw invalidParam("key")
    return next()
  }),
  { param: "key" },
)

export const controlRoutes = ({ rooms, gate, controlActs }: RouteNeeds) =>
  new Hono<SessionEnv>()
    .get("/:sessionId/session-controls", gate("PGSX"), (c) => {
      const snapshot = rooms.controls.snapshot(c.get("sessionId"))
      return json({ status: "ok", ...snapshot, ...policySent(rooms, snapshot.controls.approvalPolicy) })
    })
    .post("/:sessionId/session-controls", gate("PGSX"), body(controls), async (c) => {
      const { scope, controls, actor = "user", source = "ui" } = c.req.valid("json")
      const writing = { sessionId: c.get("sessionId"), scope, actor, source }
      const { changed, applied, snapshot } = await controlActs.apply(writing, controls)
      const status = changed.length > 0 ? "ok" : "unchanged"
      const sent = policySent(rooms, applied.approvalPolicy)
      const summary = summaryOf(scope, changed)
      return json({ status, scope, applied, summary, ...snapshot, ...sent })
    })
    .get("/:sessionId/settings", gate("P"), query(reading), gate("GSX"), (c) => {
      const { scope, key } = c.req.valid("query")
      const sessionId = c.get("sessionId")
      const { settings } = rooms.controls.tupleOf({ sessionId, scope })
      if (key === undefined) return json({ status: "ok", sessionId, scope, settings })
      const found = Object.hasOwn(settings, key)
      return json({ status: "ok", sessionId, scope, key, found, value: settingOf(settings, key) ?? null })
    })
    .post("/:sessionId/settings", gate("PGSX"), body(setting), async (c) => {
      const { scope, actor = "user", source = "api", mode, ...form } = c.req.valid("json")
      const given = formOf(form)
      const writing = { sessionId: c.get("sessionId"), scope, actor, source }
      const change = (before: Settings) => withSettings(before, given, mode)
      const { changed, settings } = await controlActs.settings(writing, change)
      const one = form.key === undefined ? {} : { key: form.key }
      const status = changed ? "ok" : "unchanged"
      return json({ status, sessionId: writing.sessionId, scope, ...one, settings })
    })
    .delete("/:sessionId/settings/:key", gate("P"), namedKey, query(removing), gate("GSX"), async (c) => {
      const key = c.req.param("key")
      const { scope, actor = "user", source = "api" } = c.req.valid("query")
      const writing = { sessionId: c.get("sessionId"), scope, actor, source }
      const remove = (before: Settings) => withoutSetting(before, key)
      const { changed: removed, settings } = await controlActs.settings(writing, remove)
      const status = removed ? "ok" : "unchanged"
      return json({ status, sessionId: writing.sessionId, scope, key, removed, settings })
    })
    .post("/:sessionId/approval-policy", gate("PGSX"), body(policy), async (c) => {
      const sessionId = c.get("sessionId")
      const { approvalPolicy } = c.req.valid("json")
      await controlActs.policy(sessionId, approvalPolicy)
      return json({ status: "ok", sessionId, approvalPolicy, ...policySent(rooms, approvalPolicy) })
    })

function summaryOf(scope: ControlScope, changed: string[]): string {
  const whose = scope === "default" ? "default" : "session"
  return changed.length === 0
    ? `The ${whose} controls are as they were.`
    : `The ${whose} controls have changed: ${changed.join(", ")}.`
}

/** One key with its value, or an object of them: exactly one of both (wire-contract §1.9). */
function formOf({
  key,
  value,
  settings,
}: Pick<z.infer<ReturnType<typeof setting>>, "key" | "value" | "settings">): Settings {
  const single = key !== undefined || value !== undefined
  if (settings !== undefined && single) throw wrongForm("give either key and value, or settings, not both")
  if (settings !== undefined) return settings
  if (key === undefined || value === undefined) throw wrongForm("give key and value, or settings")
  // Computed, so that `__proto__` is a key like any other.
  return { [key]: value }
}

const wrongForm = (message: string): Fault => new Fault("invalid_request", message)
