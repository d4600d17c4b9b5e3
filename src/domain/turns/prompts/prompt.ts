// A prompt: a message that waits for its session to be free. Its states say no more than is known.
//
//   queued ─dispatch─▶ dispatched ─accept─▶ accepted        the child has it, in the turn `turnId`
//     ▲ │                 │ ├─doubt─▶ indeterminate         it may have it; nobody can say, and it is never sent again by itself
//     │ └─cancel─▶ canceled ├─fail─▶ failed                 it refused it
//     └────────return─────┘─┘        again: a person sends an indeterminate or failed one anew; cancel: dismisses it

import { iso } from "../../../base/kit/clock.ts"
import type { Overrides } from "../../controls/tuple.ts"

export interface Prompt {
  id: string
  sessionId: string
  /** Its order in the session; what is queued goes by it. */
  place: number
  text: string
  overrides: Overrides & { effort?: string | undefined }
  state: PromptState
  /** It was sent to a binary that tells its id back: what became of it can be found out. */
  tracked: boolean
  turnId: string | undefined
  /** Why it is not accepted, for people. */
  reason: string | undefined
  /** Epoch milliseconds. */
  createdAt: number
  updatedAt: number
}

export type PromptState = "queued" | "dispatched" | "accepted" | "indeterminate" | "failed" | "canceled"
export type PromptMove = "dispatch" | "accept" | "doubt" | "fail" | "return" | "again" | "cancel"

const MOVES: Record<PromptState, Partial<Record<PromptMove, PromptState>>> = {
  queued: { dispatch: "dispatched", cancel: "canceled", fail: "failed" },
  dispatched: { accept: "accepted", doubt: "indeterminate", fail: "failed", return: "queued" },
  // It was found after all.
  indeterminate: { accept: "accepted", again: "queued", cancel: "canceled" },
  failed: { again: "queued", cancel: "canceled" },
  accepted: {},
  canceled: {},
}

/** Where the move leads; undefined when it can't be made. */
export const moved = (state: PromptState, move: PromptMove): PromptState | undefined => MOVES[state][move]

/** A prompt as clients see it; `position` counts the queued ones from 0. */
export function promptView(prompt: Prompt, position: number | undefined) {
  const { id, sessionId, text, state, overrides, turnId, reason, createdAt, updatedAt } = prompt
  return {
    promptId: id,
    sessionId,
    text,
    ...overrides,
    state,
    position: position ?? null,
    turnId: turnId ?? null,
    reason: reason ?? null,
    createdAt: iso(createdAt),
    updatedAt: iso(updatedAt),
  }
}
export type PromptView = ReturnType<typeof promptView>
