// What a person said to a running turn, kept from the acknowledgement until the turn's end: the child tells it back as an
// item of its own, but not if it dies first. Then the transcript gets it from here: no acknowledged message is lost.

import { newId } from "../../../base/kit/ids.ts"
import type { Tx } from "../../../base/storage/port.ts"
import type { Transcript } from "../../transcript/transcript.ts"
import { type Turn, takeSaid } from "../store.ts"

/** The turn is over: what was said to it and is not in the transcript goes there. */
export function settleSaid(tx: Tx, transcript: Transcript, turn: Turn): void {
  const { sessionId, id, startedAt } = turn
  const kept = takeSaid(tx, turn)
  if (kept.length === 0) return
  const told = transcript.ofTurn(tx, sessionId, id).flatMap((row) => (row.role === "user" ? row.content : []))
  for (const text of kept) {
    const at = told.indexOf(text)
    if (at >= 0) {
      told.splice(at, 1)
      continue
    }
    const item = { type: "userMessage", id: newId(), content: [{ type: "text", text, text_elements: [] }] }
    transcript.record(tx, sessionId, { item, turnId: id, status: "complete", startedAt })
  }
}
