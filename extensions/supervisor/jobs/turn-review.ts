// A turn that asked to change files is over: one row says what came of it.

import type { JobInput, TurnCompleted } from "../../../src/engine/host/contract.ts"
import { quoted, rowEffect } from "./instruction.ts"
import { jobOf, type Promised, placeLine } from "./job.ts"

const KIND = "turn_supervisor_review"

export function turnReviewJob({
  context,
  turnTranscriptSnapshot,
  fileChangeRequestCount,
}: TurnCompleted): JobInput {
  const { projectId, sourceSessionId: sessionId, turnId, userRequest } = context
  const place = { projectId, sessionId, turnId }
  const row: Promised = {
    messageId: `turn-supervisor-review::${sessionId}::${turnId}`,
    type: "turn.supervisorReview",
    placeholderTexts: ["Reviewing the completed turn…"],
    completeFallback: "The turn was reviewed; nothing was written about it.",
    errorFallback: "The turn could not be reviewed.",
    canceledFallback: "The review of the turn was cancelled.",
  }
  return jobOf({
    jobKind: KIND,
    ...place,
    dedupeKey: `${KIND}:${sessionId}:${turnId}`,
    paragraphs: [
      "Review a turn that is over and asked to change files.",
      `${placeLine(place)} It asked ${fileChangeRequestCount} times.`,
      `What the user asked for:\n${quoted("request", userRequest)}`,
      `The turn:\n${quoted("turn", turnTranscriptSnapshot)}`,
      "Insights of the supervisor on this turn: none beside those in the turn.",
      `Write the row ${row.messageId} in Markdown: whether it did what was asked for, what changed, what is left open or should be checked.`,
    ],
    effects: [rowEffect(row)],
    more: { supplementalTargets: [row] },
  })
}
