// The transcript by page and by change, and entries from outside (wire-contract §1.7, docs/transcript.md).

import { z } from "zod"
import { IF_NONE_MATCH, type Operations, UNCHANGED } from "../operation.ts"
import { entry, ok, sessionId } from "../shapes.ts"

const ENTRY = {
  messageId: "review::1",
  turnId: "0193b2f0-0000-7000-8000-000000000002",
  role: "system",
  type: "note",
  content: "looked at",
  status: "complete",
} as const
const place = z.string().meta({ description: "Up to here everything is in: what to ask `since` next." })
const droppedBefore = z.string().nullable().meta({
  description: "Turns that had ended up to then were dropped (TRANSCRIPT_MAX_AGE_DAYS); null: none.",
})
const page = z.object({
  sessionId,
  head: place,
  entries: z.array(entry),
  before: z
    .string()
    .nullable()
    .meta({ description: "The next `before`; null on the first page of the session." }),
  droppedBefore,
})
const change = z.object({
  sessionId,
  head: place,
  whole: z.boolean().meta({
    description:
      "These are all entries there are: the place was of another log, or turns were dropped since.",
  }),
  entries: z.array(entry),
  after: z.array(z.string().nullable()).meta({ description: "For each entry the id of the one it follows." }),
  removed: z.array(z.string()).meta({ description: "Ids of all that was ever taken back." }),
  droppedBefore,
})

const rawItem = z.object({
  n: z.number(),
  turnId: z.string().nullable(),
  at: z.string(),
  item: z.unknown().meta({ description: "As the binary told it." }),
})

export const transcriptRows = {
  "GET /api/sessions/:sessionId/raw-items": {
    id: "readRawItems",
    tag: "sessions",
    summary: "What the model was sent and said, word for word, where it is kept (RAW_ITEMS_STORED)",
    ok: {
      200: z.object({
        sessionId,
        stored: z.boolean().meta({ description: "Whether items are kept now." }),
        items: z.array(rawItem),
        next: z.number().nullable().meta({ description: "The next `after`; null at the end." }),
      }),
    },
  },
  "GET /api/sessions/:sessionId/transcript": {
    id: "readTranscript",
    tag: "sessions",
    summary: "A page of the transcript from its end, or what changed since a place",
    headers: [IF_NONE_MATCH],
    ok: {
      200: z.union([page, change]),
      304: UNCHANGED,
    },
    example: {
      answer: { sessionId: "s", head: "l.15", entries: [ENTRY], before: null, droppedBefore: null },
    },
  },
  "POST /api/sessions/:sessionId/transcript/upsert": {
    id: "upsertSessionTranscriptEntry",
    tag: "sessions",
    summary: "Add an entry, or change the one with that messageId",
    ok: { 200: z.object({ status: ok, sessionId, entry }) },
    faults: ["storage_full"],
    example: { body: ENTRY, answer: { status: "ok", sessionId: "s", entry: ENTRY } },
  },
} as const satisfies Operations
