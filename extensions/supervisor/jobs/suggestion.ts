// Somebody asked for the message to send next. The text that counts is the suggestion under its key, not the job's result.

import type { JobInput, SuggestRequestRequested } from "../../../src/engine/host/contract.ts"
import { effect, quoted } from "./instruction.ts"
import { jobOf, placeLine } from "./job.ts"

/** The newest part of a long chat is what the next message is about. */
const MOST_CHARS = 60_000

export function suggestionJob(asked: SuggestRequestRequested): JobInput {
  const { requestKey, sessionId, projectId, turnId, userRequest, turnTranscript, model, effort, draft } =
    asked
  const place = { projectId, sessionId, turnId }
  const fixed = { requestKey, status: "complete" }
  return jobOf({
    jobKind: "suggest_request",
    ...place,
    dedupeKey: `suggest_request:${sessionId}`,
    paragraphs: [
      "Write the message that the user of this session is most likely to want to send next.",
      `${placeLine(place)} Request ${requestKey}; model ${model ?? "as usual"}, effort ${effort ?? "as usual"}.`,
      `Write it as they would write it: one message, in their language, ready to be sent. It takes the work one step further: what the last
answer left open, or what has to be checked. Do not answer it yourself, and do not explain it.`,
      draft === undefined
        ? undefined
        : `They began it like this; keep what they mean:\n${quoted("draft", draft)}`,
      `What they asked last:\n${quoted("request", userRequest)}`,
      `The chat so far:\n${quoted("chat", newest(turnTranscript))}`,
      "Give the message as the suggestion under the request's key, once.",
    ],
    effects: [effect("suggestion.upsert", { fixed, free: { suggestion: 8_000 } })],
    more: {
      completionSignal: { kind: "suggested_request", requestKey },
      ...(model !== undefined && { model }),
      ...(effort !== undefined && { effort }),
      ...(draft !== undefined && { fallbackSuggestionDraft: draft }),
    },
  })
}

const newest = (chat: string): string =>
  chat.length <= MOST_CHARS ? chat : `(the earlier part is left out)\n${chat.slice(-MOST_CHARS)}`
