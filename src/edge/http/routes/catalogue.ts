// Codex's own lists: models, apps, skills, modes, features, and what it can do at all (wire-contract §1.1, §1.2).

import { Hono } from "hono"
import { z } from "zod"
import { lazily } from "../../../base/kit/lazily.ts"
import type { HttpEnv } from "../env.ts"
import { json } from "../reply.ts"
import { body, query } from "../valid.ts"
import type { RouteNeeds } from "./needs.ts"
import { forClient, listed, wrapped } from "./pass.ts"
import { flag, limit, text } from "./schemas.ts"

const page = lazily(() => ({ cursor: text(10_000).optional(), limit: limit().default(100) }))
const pages = lazily(() => z.object(page()))
/** Asks anew instead of taking what was answered a moment ago. */
const refresh = lazily(() => flag().default(false))
const models = lazily(() => z.object({ ...page(), refresh: refresh() }))
const capabilities = lazily(() => z.object({ refresh: refresh() }))
const apps = lazily(() =>
  z.object({ ...page(), threadId: text(240).optional(), forceRefetch: flag().default(false) }),
)
const skills = lazily(() =>
  z.object({ forceReload: flag().default(false), cwd: text(4_096).optional(), refresh: refresh() }),
)
const skillConfig = lazily(() => z.object({ path: text(4_096), enabled: z.boolean() }))
const remoteSkill = lazily(() => z.object({ hazelnutId: text(1_000), isPreload: z.boolean() }))

export const catalogueRoutes = ({ passing, capabilities: able }: RouteNeeds) =>
  new Hono<HttpEnv>()
    .get("/capabilities", query(capabilities), async (c) => {
      if (c.req.valid("query").refresh) {
        c.env.peer.holdOpen()
        await able.refresh()
      }
      return json(able.report())
    })
    .get("/models", query(models), async (c) => {
      const { refresh, cursor, limit } = c.req.valid("query")
      const call = { method: "model/list", params: { limit, cursor } }
      return json(await passing.list(forClient(c, call), { fresh: refresh }))
    })
    .get("/features/experimental", query(pages), async (c) => {
      const { limit, cursor = null } = c.req.valid("query")
      const call = { method: "experimentalFeature/list", params: { limit, cursor } }
      return json(await passing.read(forClient(c, call)))
    })
    .get("/collaboration/modes", query(pages), (c) => {
      const { limit, cursor = null } = c.req.valid("query")
      const call = { method: "collaborationMode/list", params: { limit, cursor } }
      return listed(passing.read(forClient(c, call)))
    })
    .get("/apps", query(apps), async (c) => {
      const { limit, cursor = null, threadId = null, forceRefetch } = c.req.valid("query")
      const call = { method: "app/list", params: { limit, cursor, threadId, forceRefetch } }
      return json(await passing.read(forClient(c, call)))
    })
    .get("/skills", query(skills), (c) => {
      const { forceReload, cwd, refresh } = c.req.valid("query")
      const params = { forceReload, ...(cwd !== undefined && { cwds: [cwd] }) }
      const call = forClient(c, { method: "skills/list", params })
      return listed(passing.list(call, { fresh: refresh || forceReload }))
    })
    .post("/skills/config", body(skillConfig), (c) => {
      const { path, enabled } = c.req.valid("json")
      const call = { method: "skills/config/write", params: { path, enabled }, about: { path } }
      return wrapped(passing.write(forClient(c, call)))
    })
    .get("/skills/remote", (c) =>
      wrapped(passing.read(forClient(c, { method: "skills/remote/read", params: {} }))),
    )
    .post("/skills/remote", body(remoteSkill), (c) => {
      const { hazelnutId, isPreload } = c.req.valid("json")
      const params = { hazelnutId, isPreload }
      const call = { method: "skills/remote/write", params, about: { hazelnutId } }
      return wrapped(passing.write(forClient(c, call)))
    })
