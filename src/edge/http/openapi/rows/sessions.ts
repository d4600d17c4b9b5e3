// Sessions and their life (wire-contract §1.4, §1.5).

import { z } from "zod"
import {
  CHILD_FAULTS,
  IDEMPOTENCY,
  IF_NONE_MATCH,
  KEY_FAULTS,
  type Operations,
  UNCHANGED,
} from "../operation.ts"
import { entry, ok, policySent, session, sessionId, thread, threadRead } from "../shapes.ts"

const done = z.object({ status: ok, sessionId })
const named = z.object({ status: ok, session })

const EXAMPLE = "0193b2f0-0000-7000-8000-000000000001"
const CONTROLS = {
  model: null,
  approvalPolicy: "untrusted",
  networkAccess: "restricted",
  filesystemSandbox: "workspace-write",
  settings: {},
}
const SESSION = {
  sessionId: EXAMPLE,
  title: "New chat",
  materialized: false,
  modelProvider: "openai",
  approvalPolicy: "untrusted",
  sessionControls: CONTROLS,
  createdAt: 1793404800,
  updatedAt: 1793404800,
  cwd: "/home/me/project",
  source: "appServer",
  projectId: null,
}

export const sessionRows = {
  "POST /api/sessions": {
    id: "createSession",
    tag: "sessions",
    summary: "Start a session: the stored defaults, overridden by the body",
    headers: [IDEMPOTENCY],
    ok: { 200: z.object({ session, thread, ...policySent }) },
    faults: [...CHILD_FAULTS, ...KEY_FAULTS, "dynamic_tools_fixed"],
    example: {
      body: { cwd: "/home/me/project", filesystemSandbox: "workspace-write" },
      answer: { session: SESSION, thread: { id: EXAMPLE } },
    },
  },
  "GET /api/sessions": {
    id: "listSessions",
    tag: "sessions",
    summary: "A page of sessions, newest first",
    ok: {
      200: z.object({ data: z.array(session), nextCursor: z.string().nullable(), archived: z.boolean() }),
    },
    faults: CHILD_FAULTS,
    example: { answer: { data: [SESSION], nextCursor: null, archived: false } },
  },
  "GET /api/sessions/:sessionId": {
    id: "readSession",
    tag: "sessions",
    summary: "A session with its turns and its transcript",
    headers: [IF_NONE_MATCH],
    ok: {
      200: z.object({ session, thread: threadRead, transcript: z.array(entry) }),
      304: UNCHANGED,
    },
  },
  "POST /api/sessions/:sessionId/resume": {
    id: "resumeSession",
    tag: "sessions",
    summary: "Load the session into Codex",
    ok: { 200: z.object({ session, thread: threadRead }) },
    faults: [...CHILD_FAULTS, "dynamic_tools_fixed", "turn_busy"],
    example: { body: {} },
  },
  "POST /api/sessions/:sessionId/rename": {
    id: "renameSession",
    tag: "sessions",
    summary: "Give it a title",
    ok: { 200: named },
    example: { body: { title: "The parser" }, answer: { status: "ok", session: SESSION } },
  },
  "POST /api/sessions/:sessionId/archive": {
    id: "archiveSession",
    tag: "sessions",
    summary: "Take it off the list",
    ok: { 200: done },
    faults: ["not_materialized"],
    example: { answer: { status: "ok", sessionId: EXAMPLE } },
  },
  "POST /api/sessions/:sessionId/unarchive": {
    id: "unarchiveSession",
    tag: "sessions",
    summary: "Bring it back",
    ok: { 200: z.object({ status: ok, session, thread: threadRead }) },
  },
  "POST /api/sessions/:sessionId/project": {
    id: "setSessionProject",
    tag: "sessions",
    summary: "Put it into a project, or with null into none",
    ok: {
      200: z.object({
        status: ok,
        sessionId,
        projectId: z.string().nullable(),
        previousProjectId: z.string().nullable(),
      }),
    },
    faults: ["assigned_project_not_found", "session_not_found", ...CHILD_FAULTS],
    example: {
      body: { projectId: null },
      answer: { status: "ok", sessionId: EXAMPLE, projectId: null, previousProjectId: "p" },
    },
  },
  "DELETE /api/sessions/:sessionId": {
    id: "deleteSession",
    tag: "sessions",
    summary: "Delete it for good, with its history and files",
    ok: {
      200: z.object({
        status: ok,
        sessionId,
        title: z.string().nullable(),
        deletedFileCount: z.int().min(0),
      }),
    },
    example: { answer: { status: "ok", sessionId: EXAMPLE, title: "New chat", deletedFileCount: 1 } },
  },
} as const satisfies Operations
