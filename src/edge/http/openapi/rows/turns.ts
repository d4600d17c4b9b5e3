// Turns of a session and the prompts that wait for one (wire-contract §1.6).

import { z } from "zod"
import { CHILD_FAULTS, IDEMPOTENCY, KEY_FAULTS, type Operations } from "../operation.ts"
import { ok, policySent, prompt, session, sessionId, thread } from "../shapes.ts"

const ID = "0193b2f0-0000-7000-8000-000000000001"
const TURN = "0193b2f0-0000-7000-8000-000000000002"
const PROMPT = {
  promptId: TURN,
  sessionId: ID,
  text: "and then the tests",
  state: "queued",
  position: 0,
  turnId: null,
  reason: null,
  createdAt: "2026-11-23T12:00:00.000Z",
  updatedAt: "2026-11-23T12:00:00.000Z",
}

const accepted = z.object({
  status: z.literal("accepted"),
  sessionId,
  turnId: z.string(),
  queued: z.literal(true).optional().meta({ description: "`turnId` is that of a prompt that waits." }),
  appliesFrom: z
    .literal("next_turn")
    .optional()
    .meta({ description: "It joined a turn that goes on as it was." }),
  notApplied: z.array(z.string()).optional(),
  ...policySent,
})
const steered = z.object({
  actionType: z.literal("turn.steer"),
  status: z.string(),
  details: z.looseObject({ threadId: z.string(), turnId: z.string() }),
})
const result = z.unknown().meta({ description: "Codex's own result." })
const promptAnswer = z.object({ status: ok, sessionId, prompt, ...policySent })

export const turnRows = {
  "POST /api/sessions/:sessionId/messages": {
    id: "sendSessionMessage",
    tag: "turns",
    summary: "Say something: starts a turn, or joins the one that runs",
    headers: [IDEMPOTENCY],
    ok: { 202: accepted },
    faults: [
      ...CHILD_FAULTS,
      ...KEY_FAULTS,
      "turn_busy",
      "turn_not_steerable",
      "policy_stricter",
      "dynamic_tools_fixed",
      "message_indeterminate",
      "shutting_down",
    ],
    example: {
      body: { text: "what is in this folder?", approvalPolicy: "on-request" },
      answer: { status: "accepted", sessionId: ID, turnId: TURN },
    },
  },
  "POST /api/sessions/:sessionId/interrupt": {
    id: "interruptSessionTurn",
    tag: "turns",
    summary: "Stop the turn that runs",
    ok: { 200: z.object({ status: ok, sessionId, turnId: z.string() }) },
    faults: [...CHILD_FAULTS, "no_active_turn", "session_not_found"],
    example: { body: {}, answer: { status: "ok", sessionId: ID, turnId: TURN } },
  },
  "POST /api/sessions/:sessionId/turns/:turnId/steer": {
    id: "steerTurn",
    tag: "turns",
    summary: "Say something into exactly that turn",
    ok: { 200: z.object({ status: ok, sessionId, turnId: z.string(), result: steered }) },
    faults: [
      ...CHILD_FAULTS,
      "steer_refused",
      "steer_failed",
      "turn_not_steerable",
      "policy_stricter",
      "shutting_down",
    ],
    example: { body: { input: "in German, please" } },
  },
  "POST /api/sessions/:sessionId/fork": {
    id: "forkSession",
    tag: "turns",
    summary: "A new session with this one's history",
    ok: {
      200: z.object({ status: ok, sourceSessionId: sessionId, session: session.optional(), thread }),
    },
    faults: CHILD_FAULTS,
  },
  "POST /api/sessions/:sessionId/compact": {
    id: "compactSession",
    tag: "turns",
    summary: "Have Codex shorten what it remembers",
    ok: { 200: z.object({ status: ok, sessionId, result, turnId: z.string().optional() }) },
    faults: [...CHILD_FAULTS, "shutting_down"],
  },
  "POST /api/sessions/:sessionId/rollback": {
    id: "rollbackSession",
    tag: "turns",
    summary: "Take the last turns back",
    ok: {
      200: z.object({
        status: ok,
        sessionId,
        numTurns: z.int(),
        via: z.string().meta({ description: "The method that did it." }),
        result,
        turnIds: z.array(z.string()),
      }),
    },
    faults: CHILD_FAULTS,
    example: { body: { numTurns: 1 } },
  },
  "POST /api/sessions/:sessionId/background-terminals/clean": {
    id: "cleanBackgroundTerminals",
    tag: "turns",
    summary: "End commands that still run in the background",
    ok: { 200: z.object({ status: ok, sessionId, result }) },
    faults: CHILD_FAULTS,
  },
  "POST /api/sessions/:sessionId/review": {
    id: "startReview",
    tag: "turns",
    summary: "Have changes reviewed",
    ok: {
      200: z.object({ status: ok, sessionId, result, turnId: z.string(), reviewSessionId: z.string() }),
    },
    faults: [...CHILD_FAULTS, "shutting_down"],
    example: { body: { targetType: "uncommittedChanges" } },
  },
  "GET /api/sessions/:sessionId/prompts": {
    id: "listPrompts",
    tag: "turns",
    summary: "Messages that wait for the session to be free",
    ok: { 200: z.object({ data: z.array(prompt) }) },
    example: { answer: { data: [PROMPT] } },
  },
  "POST /api/sessions/:sessionId/prompts": {
    id: "createPrompt",
    tag: "turns",
    summary: "Queue a message for when the session is free",
    headers: [IDEMPOTENCY],
    ok: { 202: z.object({ status: z.literal("accepted"), sessionId, prompt, ...policySent }) },
    faults: [...KEY_FAULTS, "shutting_down"],
    example: {
      body: { text: "and then the tests" },
      answer: { status: "accepted", sessionId: ID, prompt: PROMPT },
    },
  },
  "PATCH /api/sessions/:sessionId/prompts/:promptId": {
    id: "editPrompt",
    tag: "turns",
    summary: "Change a message that waits, its place, or send a doubtful one anew",
    ok: { 200: promptAnswer },
    faults: ["prompt_not_found", "prompt_settled"],
    example: { body: { position: 0 }, answer: { status: "ok", sessionId: ID, prompt: PROMPT } },
  },
  "DELETE /api/sessions/:sessionId/prompts/:promptId": {
    id: "cancelPrompt",
    tag: "turns",
    summary: "Don't send it",
    ok: { 200: promptAnswer },
    faults: ["prompt_not_found", "prompt_settled"],
  },
} as const satisfies Operations
