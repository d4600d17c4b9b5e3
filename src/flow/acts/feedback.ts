// A decline with a word for the model: the request is declined first, then the word joins the turn, which goes on with both.
// It is given once, by whoever declined; where the turn ended with the decline nobody is there to hear it, and the answer says so.

import { isFault } from "../../base/fault.ts"
import type { By } from "../../domain/requests/machine/by.ts"
import type { Outcome } from "../../domain/requests/machine/decide.ts"
import type { Approval } from "../../domain/requests/verdict.ts"
import type { Rooms } from "../rooms.ts"

export interface Declining {
  id: string
  asked: Approval
  by: By
  feedback: string
}
/** `given`: it is in the turn. `repeated`: it was given before. Else why it could not be. */
export type Heard = { feedback: "given" | "repeated" } | { feedback: "not_given"; feedbackReason: string }

/** Throws as `decide` does. */
export async function declineWith(
  { requests, turns }: Pick<Rooms, "requests" | "turns">,
  { id, asked, by, feedback }: Declining,
): Promise<Outcome & { heard: Heard }> {
  const outcome = await requests.decide(id, asked, by)
  const { request, first, state } = outcome
  const { sessionId, turnId } = request
  if (state === "declined" || turnId === undefined) {
    return { ...outcome, heard: notGiven("its turn was over before") }
  }
  if (!first) return { ...outcome, heard: { feedback: "repeated" } }
  try {
    await turns.steer(sessionId, turnId, feedback)
    return { ...outcome, heard: { feedback: "given" } }
  } catch (error) {
    if (!isFault(error)) throw error
    return { ...outcome, heard: notGiven(error.message) }
  }
}

const notGiven = (feedbackReason: string): Heard => ({ feedback: "not_given", feedbackReason })
