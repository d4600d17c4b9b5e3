// A session's life: resume, rename, archive, unarchive, its project, its end (wire-contract §1.5).

import { Hono } from "hono"
import { z } from "zod"
import { lazily } from "../../../base/kit/lazily.ts"
import type { SessionEnv } from "../env.ts"
import { json, jsonText } from "../reply.ts"
import { shown } from "../shown.ts"
import { body } from "../valid.ts"
import type { RouteNeeds } from "./needs.ts"
import { dynamicTools, text } from "./schemas.ts"

const resume = lazily(() => z.object({ dynamicTools: dynamicTools() }))
const rename = lazily(() => z.object({ title: text(200) }))
const assign = lazily(() => z.object({ projectId: text(200).nullable() }))

export const lifeRoutes = (needs: RouteNeeds) => {
  const { gate, life } = needs
  return new Hono<SessionEnv>()
    .post("/:sessionId/resume", gate("P"), body(resume), gate("GSX"), async (c) => {
      await needs.rooms.turns.load(c.get("sessionId"), c.req.valid("json").dynamicTools)
      const { session, thread } = await shown(needs, c.get("session"))
      return jsonText(`{"session":${session},"thread":${thread}}`)
    })
    .post("/:sessionId/rename", gate("PGS"), body(rename), gate("X"), async (c) => {
      const session = await life.rename(c.get("sessionId"), c.req.valid("json").title)
      return json({ status: "ok", session })
    })
    .post("/:sessionId/archive", gate("PGSX"), async (c) => {
      await life.archive(c.get("sessionId"))
      return json({ status: "ok", sessionId: c.get("sessionId") })
    })
    .post("/:sessionId/unarchive", gate("PGSX"), async (c) => {
      await life.unarchive(c.get("sessionId"))
      const { session, thread } = await shown(needs, c.get("session"))
      return jsonText(`{"status":"ok","session":${session},"thread":${thread}}`)
    })
    .post("/:sessionId/project", gate("PGS"), body(assign), async (c) => {
      const { projectId } = c.req.valid("json")
      life.mustHaveProject(c.get("sessionId"), projectId)
      // An id that only the child knows becomes a session here; one that nobody knows is refused by the act.
      await needs.reconcile.find(c.get("sessionId"))
      return json(await life.assign(c.get("sessionId"), projectId))
    })
    .delete("/:sessionId", gate("PSGX"), async (c) => {
      const removed = await life.remove(c.get("sessionId"))
      return json({ status: "ok", sessionId: c.get("sessionId"), ...removed })
    })
}
