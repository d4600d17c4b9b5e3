// Projects (wire-contract §1.3).

import { z } from "zod"
import type { Operations } from "../operation.ts"
import { ok, project } from "../shapes.ts"

const projectId = z.string()
const count = z.int().min(0)
const EXAMPLE = {
  projectId: "0193b2f0-0000-7000-8000-000000000003",
  name: "Parser",
  workingDirectory: null,
  createdAt: "2026-11-23T12:00:00.000Z",
  updatedAt: "2026-11-23T12:00:00.000Z",
}

export const projectRows = {
  "GET /api/projects": {
    id: "listProjects",
    tag: "projects",
    summary: "All projects by name",
    ok: { 200: z.object({ data: z.array(project) }) },
    example: { answer: { data: [EXAMPLE] } },
  },
  "POST /api/projects": {
    id: "createProject",
    tag: "projects",
    summary: "A new project",
    ok: { 200: z.object({ status: ok, project, orchestrationSession: z.null() }) },
    faults: ["duplicate_name"],
    example: {
      body: { name: "Parser" },
      answer: { status: "ok", project: EXAMPLE, orchestrationSession: null },
    },
  },
  "POST /api/projects/:projectId/rename": {
    id: "renameProject",
    tag: "projects",
    summary: "Change its name or working directory",
    ok: { 200: z.object({ status: ok, project }) },
    faults: ["project_not_found", "duplicate_name"],
    example: { body: { name: "Parser" }, answer: { status: "ok", project: EXAMPLE } },
  },
  "DELETE /api/projects/:projectId": {
    id: "deleteProject",
    tag: "projects",
    summary: "Delete it; it must have no sessions",
    ok: { 200: z.object({ status: ok, projectId, unassignedSessionCount: count }) },
    faults: ["project_not_found", "project_not_empty"],
  },
  "GET /api/projects/:projectId/agent-sessions": {
    id: "listProjectAgentSessions",
    tag: "projects",
    summary: "Sessions that work for it, or for `session:ID`",
    ok: {
      200: z.object({
        status: ok,
        projectId,
        data: z.array(z.object({ agent: z.string(), sessionId: z.string(), systemOwned: z.boolean() })),
      }),
    },
    faults: ["project_not_found"],
  },
  "POST /api/projects/:projectId/chats/move-all": {
    id: "moveProjectChats",
    tag: "projects",
    summary: "Take all its sessions out of it, or archive them as well",
    ok: {
      200: z.object({
        status: ok,
        projectId,
        destination: z.enum(["unassigned", "archive"]),
        movedSessionCount: count,
        archivedSessionCount: count,
        alreadyArchivedSessionCount: count,
      }),
    },
    faults: ["project_not_found", "not_materialized_sessions"],
    example: { body: { destination: "unassigned" } },
  },
  "POST /api/projects/:projectId/chats/delete-all": {
    id: "deleteProjectChats",
    tag: "projects",
    summary: "Delete all its sessions for good",
    ok: {
      200: z.object({ status: ok, projectId, deletedSessionCount: count, skippedSessionCount: count }),
    },
    faults: ["project_not_found"],
  },
} as const satisfies Operations
