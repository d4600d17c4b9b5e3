// What waits for a person, and the answers (wire-contract §1.8).

import { z } from "zod"
import { CHILD_FAULTS, type Operations } from "../operation.ts"
import { approval, inboxRow, iso, ok, toolCall, toolInput } from "../shapes.ts"

const FAULTS = [
  "request_not_found",
  "request_reconciled",
  "request_undelivered",
  "runtime_unavailable",
] as const

/** Said where the child that asked had died. */
const state = z.string().optional().meta({ description: "Where the request went after its Codex died." })
const whose = {
  decidedBy: z.string().optional(),
  decidedFrom: z.string().nullable().optional(),
  decidedAt: iso.optional(),
}
const answered = z.object({ status: ok, requestId: z.string(), threadId: z.string(), state, ...whose })
const dismissed = {
  requestId: z.string(),
  threadId: z.string(),
  state: z.literal("dismissed"),
  dismissedBy: z.string(),
  dismissedFrom: z.string(),
}

export const requestRows = {
  "GET /api/sessions/:sessionId/approvals": {
    id: "listSessionApprovals",
    tag: "requests",
    summary: "Commands and changes that wait for a decision",
    ok: { 200: z.object({ data: z.array(approval) }) },
    example: { answer: { data: [] } },
  },
  "POST /api/approvals/:approvalId/decision": {
    id: "decideApproval",
    tag: "requests",
    summary: "Accept, decline or cancel it; the first answer wins",
    ok: {
      200: z.object({
        status: ok,
        approvalId: z.string(),
        threadId: z.string(),
        scope: z.enum(["turn", "session"]).optional(),
        permissions: z
          .record(z.string(), z.unknown())
          .optional()
          .meta({ description: "What was granted, where the decision says which part." }),
        state,
        ...whose,
        feedback: z
          .enum(["given", "repeated", "not_given"])
          .optional()
          .meta({ description: "Whether the model was told why." }),
        feedbackReason: z.string().optional(),
      }),
    },
    faults: FAULTS,
    example: {
      body: { decision: "accept", scope: "turn" },
      answer: { status: "ok", approvalId: "a-1", threadId: "t-1", scope: "turn" },
    },
  },
  "GET /api/sessions/:sessionId/tool-input": {
    id: "listSessionToolInput",
    tag: "requests",
    summary: "Questions that wait for answers",
    ok: { 200: z.object({ data: z.array(toolInput) }) },
    example: { answer: { data: [] } },
  },
  "POST /api/tool-input/:requestId/decision": {
    id: "decideToolInput",
    tag: "requests",
    summary: "Answer the questions, or decline",
    ok: { 200: answered },
    faults: FAULTS,
    example: { body: { decision: "accept", answers: { name: { answers: ["Ada"] } } } },
  },
  "GET /api/sessions/:sessionId/tool-calls": {
    id: "listSessionToolCalls",
    tag: "requests",
    summary: "Calls of the session's own tools that wait for a result",
    ok: { 200: z.object({ data: z.array(toolCall) }) },
    example: { answer: { data: [] } },
  },
  "POST /api/tool-calls/:requestId/response": {
    id: "respondToolCall",
    tag: "requests",
    summary: "Give the result of the call",
    ok: { 200: answered },
    faults: [...FAULTS, "call_in_flight"],
    example: { body: { success: true, text: "42" } },
  },
  "GET /api/requests": {
    id: "listRequests",
    tag: "requests",
    summary: "What waits for a person in any session, oldest first",
    ok: { 200: z.object({ data: z.array(inboxRow), nextCursor: z.string().nullable() }) },
    example: { answer: { data: [], nextCursor: null } },
  },
  "POST /api/requests/:requestId/dismiss": {
    id: "dismissRequest",
    tag: "requests",
    summary: "Let a request go whose outcome nobody knows",
    ok: { 200: z.object({ status: ok, ...dismissed }) },
    faults: ["request_not_found", "request_settled"],
    example: {
      answer: {
        status: "ok",
        requestId: "r-1",
        threadId: "t-1",
        state: "dismissed",
        dismissedBy: "ann",
        dismissedFrom: "ui",
      },
    },
  },
  "POST /api/requests/:requestId/ask-again": {
    id: "askRequestAgain",
    tag: "requests",
    summary: "Have the model look into a request whose outcome nobody knows",
    ok: {
      202: z.object({
        status: z.literal("accepted"),
        turnId: z.string(),
        queued: z.literal(true).optional(),
        ...dismissed,
      }),
    },
    faults: [...CHILD_FAULTS, "request_not_found", "request_settled", "turn_busy", "shutting_down"],
  },
} as const satisfies Operations
