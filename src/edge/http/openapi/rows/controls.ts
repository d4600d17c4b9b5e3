// Session controls, settings and the approval policy (wire-contract §1.9).

import { z } from "zod"
import { approvalPolicy, jsonObject } from "../../routes/schemas.ts"
import type { Operations } from "../operation.ts"
import { ok, policySent, sessionControls, sessionId } from "../shapes.ts"

const scope = z.enum(["session", "default"])
const snapshot = {
  sessionId,
  controls: sessionControls,
  defaults: sessionControls,
  defaultsEditable: z.boolean(),
  defaultLockReason: z.string().nullable(),
  ...policySent,
}
const written = z.enum(["ok", "unchanged"])
const settings = jsonObject()

const CONTROLS = {
  model: null,
  approvalPolicy: "on-request",
  networkAccess: "restricted",
  filesystemSandbox: "workspace-write",
} as const

export const controlRows = {
  "GET /api/sessions/:sessionId/session-controls": {
    id: "getSessionControls",
    tag: "controls",
    summary: "What the session's turns may do, and the defaults",
    ok: { 200: z.object({ status: ok, ...snapshot }) },
  },
  "POST /api/sessions/:sessionId/session-controls": {
    id: "applySessionControls",
    tag: "controls",
    summary: "Set them for the session, or as the default",
    ok: {
      200: z.object({ status: written, scope, applied: sessionControls, summary: z.string(), ...snapshot }),
    },
    faults: ["defaults_locked"],
    example: { body: { scope: "session", controls: CONTROLS } },
  },
  "GET /api/sessions/:sessionId/settings": {
    id: "getSessionSettings",
    tag: "controls",
    summary: "All settings of a scope, or one of them",
    ok: {
      200: z.union([
        z.object({ status: ok, sessionId, scope, settings }),
        z.object({
          status: ok,
          sessionId,
          scope,
          key: z.string(),
          found: z.boolean(),
          value: z.unknown().meta({ description: "null if absent" }),
        }),
      ]),
    },
    example: { answer: { status: "ok", sessionId: "s", scope: "session", settings: {} } },
  },
  "POST /api/sessions/:sessionId/settings": {
    id: "setSessionSettings",
    tag: "controls",
    summary: "Set one (`key`, `value`) or several (`settings`)",
    ok: {
      200: z.object({ status: written, sessionId, scope, key: z.string().optional(), settings }),
    },
    faults: ["defaults_locked"],
    example: { body: { scope: "session", key: "theme", value: { dark: true } } },
  },
  "DELETE /api/sessions/:sessionId/settings/:key": {
    id: "deleteSessionSetting",
    tag: "controls",
    summary: "Remove one; an absent one is 200 `unchanged`",
    ok: {
      200: z.object({ status: written, sessionId, scope, key: z.string(), removed: z.boolean(), settings }),
    },
    faults: ["defaults_locked"],
  },
  "POST /api/sessions/:sessionId/approval-policy": {
    id: "setSessionApprovalPolicy",
    tag: "controls",
    summary: "Set the session's approval policy alone",
    ok: { 200: z.object({ status: ok, sessionId, approvalPolicy: approvalPolicy(), ...policySent }) },
    example: {
      body: { approvalPolicy: "never" },
      answer: { status: "ok", sessionId: "s", approvalPolicy: "never" },
    },
  },
} as const satisfies Operations
