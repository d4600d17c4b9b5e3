// Projects and what happens to all of their sessions at once (wire-contract §1.3).

import { Hono } from "hono"
import { createMiddleware } from "hono/factory"
import { z } from "zod"
import { Fault } from "../../../base/fault.ts"
import { lazily } from "../../../base/kit/lazily.ts"
import { isFolder } from "../../../base/platform/folders.ts"
import type { HttpEnv } from "../env.ts"
import { invalidParam, LONGEST_ID } from "../guards.ts"
import { described } from "../openapi/described.ts"
import { json } from "../reply.ts"
import { body } from "../valid.ts"
import type { RouteNeeds } from "./needs.ts"
import { text } from "./schemas.ts"

interface ProjectEnv extends HttpEnv {
  Variables: HttpEnv["Variables"] & { projectId: string }
}

const wishes = lazily(() =>
  z.object({ name: text(120), workingDirectory: text(2_000).nullable().optional() }),
)
const destination = lazily(() => z.object({ destination: z.enum(["unassigned", "archive"]) }))

/** An owner of agents that is a session and no project. */
const OF_SESSION = /^session:./

const named = described(
  createMiddleware<ProjectEnv>(async (c, next) => {
    const id = c.req.param("projectId") ?? ""
    if (id.trim() === "" || id.length > LONGEST_ID) throw invalidParam("projectId")
    c.set("projectId", id)
    return next()
  }),
  { param: "projectId" },
)

/** A working directory is looked at when it is set, not when a client sends back the one that stands. */
function checkFolder(path: string | null | undefined, current?: string): void {
  if (path == null || path === current || (path.startsWith("/") && isFolder(path))) return
  const message = "must be the absolute path of a folder that exists"
  const issues = [{ code: "custom", path: ["workingDirectory"], message }]
  throw new Fault("invalid_request", `workingDirectory: ${message}`, { issues })
}

export const projectRoutes = ({ rooms, projectActs }: RouteNeeds) =>
  new Hono<ProjectEnv>()
    .get("/", () => json({ data: rooms.projects.list() }))
    .post("/", body(wishes), async (c) => {
      checkFolder(c.req.valid("json").workingDirectory)
      const project = await projectActs.create(c.req.valid("json"))
      return json({ status: "ok", project, orchestrationSession: null })
    })
    .post("/:projectId/rename", named, body(wishes), async (c) => {
      const { projectId } = c.var
      checkFolder(c.req.valid("json").workingDirectory, rooms.projects.find(projectId)?.workingDirectory)
      const project = await projectActs.rename(projectId, c.req.valid("json"))
      return json({ status: "ok", project })
    })
    .delete("/:projectId", named, async (c) => {
      await projectActs.remove(c.get("projectId"))
      return json({ status: "ok", projectId: c.get("projectId"), unassignedSessionCount: 0 })
    })
    .get("/:projectId/agent-sessions", named, (c) => {
      const projectId = c.get("projectId")
      if (!OF_SESSION.test(projectId)) rooms.projects.existing(projectId)
      const data = rooms.projects.agents(projectId).map(({ agent, sessionId }) => ({
        agent,
        sessionId,
        systemOwned: rooms.sessions.find(sessionId)?.systemOwned ?? false,
      }))
      return json({ status: "ok", projectId, data })
    })
    .post("/:projectId/chats/move-all", named, body(destination), async (c) => {
      const projectId = c.get("projectId")
      const { destination } = c.req.valid("json")
      const counts = await projectActs.moveAll(projectId, destination)
      return json({ status: "ok", projectId, destination, ...counts })
    })
    .post("/:projectId/chats/delete-all", named, async (c) => {
      const projectId = c.get("projectId")
      return json({ status: "ok", projectId, ...(await projectActs.deleteAll(projectId)) })
    })
