// A decline with a word for the model. The request is claimed, the word joins the turn that waits for it, then the decline is
// written: in that order the model finds both when it goes on (behind the decline, a quick turn was over first: tried on 0.169).

import { isFault } from "../../base/fault.ts"
import type { By } from "../../domain/requests/machine/by.ts"
import type { Outcome } from "../../domain/requests/machine/decide.ts"
import type { Request } from "../../domain/requests/store.ts"
import type { Approval } from "../../domain/requests/verdict.ts"
import type { Rooms } from "../rooms.ts"

export interface Declining {
  id: string
  asked: Approval
  by: By
  feedback: string
}
/** `given`: it is in the turn. `repeated`: somebody declined before. Else why it could not be given. */
export type Heard = { feedback: "given" | "repeated" } | { feedback: "not_given"; feedbackReason: string }

/** Throws as `decide` does. */
export async function declineWith(
  { requests, turns }: Pick<Rooms, "requests" | "turns">,
  { id, asked, by, feedback }: Declining,
): Promise<Outcome & { heard: Heard }> {
  let heard: Heard | undefined
  const give = async ({ sessionId, turnId }: Request): Promise<void> => {
    try {
      if (turnId === undefined) heard = notGiven("the request belongs to no turn")
      else {
        await turns.steer(sessionId, turnId, feedback)
        heard = { feedback: "given" }
      }
    } catch (error) {
      heard = notGiven(isFault(error) ? error.message : "the turn could not be joined")
    }
  }
  const outcome = await requests.decide(id, asked, by, give)
  if (heard) return { ...outcome, heard }
  const isOver = outcome.state === "declined"
  return { ...outcome, heard: isOver ? notGiven("its turn was over before") : { feedback: "repeated" } }
}

const notGiven = (feedbackReason: string): Heard => ({ feedback: "not_given", feedbackReason })
