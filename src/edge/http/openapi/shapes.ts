// The shapes of answers and frames (wire-contract §1, §3). What Codex itself says is open: its fields differ by version.

import { z } from "zod"
import { FAMILIES } from "../../stream/wire/families.ts"
import { approvalPolicy, filesystemSandbox, jsonObject, networkAccess } from "../routes/schemas.ts"

export const iso = z.string().meta({ format: "date-time" })
/** JSON as Codex wrote it. */
export const raw = z.looseObject({}).meta({ id: "Raw", description: "As Codex answers it; open." })

export const sessionControls = z
  .object({
    model: z.string().nullable(),
    approvalPolicy: approvalPolicy(),
    networkAccess: networkAccess(),
    filesystemSandbox: filesystemSandbox(),
    settings: jsonObject(),
  })
  .meta({ id: "SessionControls" })

export const session = z
  .object({
    sessionId: z.string(),
    title: z.string(),
    materialized: z.boolean(),
    modelProvider: z.string(),
    approvalPolicy: approvalPolicy(),
    sessionControls,
    createdAt: z.number().meta({ description: "Seconds since 1970." }),
    updatedAt: z.number().meta({ description: "Seconds since 1970." }),
    cwd: z.string(),
    source: z.string(),
    projectId: z.string().nullable(),
  })
  .meta({ id: "SessionSummary" })

const item = z.looseObject({ type: z.string(), id: z.string() }).meta({ id: "ThreadItem" })
const turn = z
  .looseObject({
    id: z.string(),
    status: z.string(),
    items: z.array(item),
    error: raw.nullable(),
    startedAt: z.number().nullable().optional(),
    completedAt: z.number().nullable().optional(),
  })
  .meta({ id: "Turn" })
/** As the child tells it, without turns where it was only just made. */
export const thread = z
  .looseObject({ id: z.string() })
  .meta({ id: "Thread", description: "As Codex tells it." })
export const threadRead = z
  .looseObject({
    id: z.string(),
    preview: z.string(),
    modelProvider: z.string(),
    createdAt: z.number(),
    updatedAt: z.number(),
    cwd: z.string(),
    turns: z.array(turn),
  })
  .meta({ id: "ThreadWithTurns" })

export const entry = z
  .object({
    messageId: z.string(),
    turnId: z.string(),
    role: z.enum(["user", "assistant", "system"]),
    type: z.string(),
    content: z.string(),
    details: z.string().optional(),
    status: z.enum(["streaming", "complete", "canceled", "error"]),
    startedAt: z.int().min(0).optional(),
    completedAt: z.int().min(0).optional(),
    author: z.string().optional().meta({
      description: "Who wrote it, where the role doesn't say: `extension:NAME`, `job:ID`, `client:NAME`.",
    }),
  })
  .meta({ id: "TranscriptEntry" })

/** Where the binary doesn't know the policy that was asked for. */
export const policySent = {
  policySent: approvalPolicy().optional().meta({ description: "Sent to this binary instead." }),
  note: z.string().optional(),
}

export const prompt = z
  .object({
    promptId: z.string(),
    sessionId: z.string(),
    text: z.string(),
    model: z.string().optional(),
    effort: z.string().optional(),
    approvalPolicy: approvalPolicy().optional(),
    networkAccess: networkAccess().optional(),
    filesystemSandbox: filesystemSandbox().optional(),
    state: z.enum(["queued", "dispatched", "accepted", "indeterminate", "failed", "canceled"]),
    position: z.int().nullable(),
    turnId: z.string().nullable(),
    reason: z.string().nullable(),
    createdAt: iso,
    updatedAt: iso,
  })
  .meta({ id: "Prompt" })

const waiting = {
  method: z.string(),
  threadId: z.string(),
  turnId: z.string().nullable(),
  itemId: z.string().nullable(),
  summary: z.string(),
  details: raw.meta({ description: "What Codex asked, as it asked it." }),
  createdAt: iso,
  status: z.literal("pending"),
  expiresAt: iso
    .nullable()
    .meta({ description: "Then the safe answer is given; null: it waits as long as it takes." }),
  state: z.string(),
  topic: z.string(),
  about: raw.meta({ description: "What would happen, in words that a person can judge; by topic." }),
  choices: z.array(raw).meta({ description: "Every body that the decision route takes for it." }),
}
export const approval = z.looseObject({ approvalId: z.string(), ...waiting }).meta({ id: "Approval" })
const question = z.looseObject({
  id: z.string(),
  header: z.string(),
  question: z.string(),
  options: z.array(z.unknown()).nullable(),
  isOther: z.boolean(),
  isSecret: z.boolean(),
})
export const toolInput = z
  .looseObject({
    requestId: z.string(),
    ...waiting,
    questions: z.array(question),
    isBlocking: z.boolean().optional().meta({
      description: "Codex's word on whether the question should block a person's work; from 0.150 on.",
    }),
    autoResolutionMs: z.int().nullable().optional(),
  })
  .meta({ id: "ToolInput" })
export const toolCall = z
  .looseObject({
    requestId: z.string(),
    ...waiting,
    callId: z.string().nullable(),
    tool: z.string(),
    arguments: z.unknown(),
  })
  .meta({ id: "ToolCall" })

/** A row of the inbox: of any kind, and whose it is. */
export const inboxRow = z
  .looseObject({
    id: z.string(),
    kind: z.enum(["approval", "tool_input", "tool_call"]),
    sessionId: z.string(),
    sessionTitle: z.string().nullable(),
    projectId: z.string().nullable(),
    ...waiting,
    status: z.string(),
  })
  .meta({ id: "InboxRow", description: "With the keys that its kind has in the lists of a session." })

export const project = z
  .object({
    projectId: z.string(),
    name: z.string(),
    workingDirectory: z.string().nullable(),
    createdAt: iso,
    updatedAt: iso,
  })
  .meta({ id: "Project" })

export const ok = z.literal("ok")
export const sessionId = z.string()

/** What a listener asks for in its URL. */
export const listening = z.object({
  threadId: z.string().optional().meta({ description: "Only what is about this session." }),
  families: z
    .string()
    .optional()
    .meta({ description: `Comma list of ${FAMILIES.join(", ")}; default all.` }),
  since: z.string().optional().meta({ description: "LOG.SEQ: first what came after it." }),
})
