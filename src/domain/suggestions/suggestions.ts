// Suggestions of a next message, by session and the key of the request (wire-contract §1.10). What has ended doesn't stream
// again; every change that is taken is told.

import type { Log } from "../../base/events/log.ts"
import { type Clock, iso } from "../../base/kit/clock.ts"
import type { Db, Reader, Tx } from "../../base/storage/port.ts"
import { type Audience, suggestionUpdated } from "../events.ts"
import {
  forgetSuggestions,
  pruneSuggestions,
  readSuggestion,
  type Suggestion,
  type SuggestionStatus,
  writeSuggestion,
} from "./store.ts"

export interface SuggestionsNeeds {
  db: Db
  log: Log
  clock: Clock
  audienceOf(sessionId: string, reader: Reader): Audience
}

export interface UpsertSuggestion {
  sessionId: string
  requestKey: string
  status: SuggestionStatus
  suggestion?: string | undefined
  error?: string | undefined
  /** The daemon's own text, in place of a worker's. */
  fallback?: boolean
}

const KEPT = 2_000
const NO_REASON = "the suggestion could not be made"

export function createSuggestions({ db, log, clock, audienceOf }: SuggestionsNeeds) {
  /** A missing text keeps the one before. Streaming behind an end changes nothing. */
  function upsert(tx: Tx, given: UpsertSuggestion): Suggestion {
    const { sessionId, requestKey, status, fallback = false } = given
    const known = readSuggestion(tx, sessionId, requestKey)
    if (known && known.status !== "streaming" && status === "streaming") return known
    const suggestion: Suggestion = {
      sessionId,
      requestKey,
      status,
      suggestion: given.suggestion ?? known?.suggestion,
      error: status === "error" ? (given.error ?? NO_REASON) : undefined,
      fallback: given.suggestion === undefined ? (known?.fallback ?? false) : fallback,
      updatedAt: clock.now(),
    }
    writeSuggestion(tx, suggestion)
    pruneSuggestions(tx, KEPT)
    const { suggestion: text, error } = suggestion
    const told = {
      sessionId,
      requestKey,
      status,
      ...(text !== undefined && { suggestion: text }),
      ...(error !== undefined && { error }),
    }
    log.append(tx, suggestionUpdated(audienceOf(sessionId, tx), told))
    return suggestion
  }

  return {
    upsert,
    find: (sessionId: string, requestKey: string, reader: Reader = db): Suggestion | undefined =>
      readSuggestion(reader, sessionId, requestKey),
    /** Its session is gone. */
    forget: (tx: Tx, sessionId: string): void => forgetSuggestions(tx, sessionId),
  }
}
export type Suggestions = ReturnType<typeof createSuggestions>

export const isSettled = (one: Pick<Suggestion, "status"> | undefined): boolean =>
  one !== undefined && one.status !== "streaming"

/** The contract's entry. */
export const suggestionEntry = ({ status, suggestion, error, updatedAt }: Suggestion) => ({
  status,
  ...(suggestion !== undefined && { suggestion }),
  ...(error !== undefined && { error }),
  updatedAt: iso(updatedAt),
})
