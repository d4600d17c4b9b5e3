// THE TABLE of what extensions and workers may do: one row an action, each with its schema, its reach and its doing. The names
// and payloads are the extension contract's (engine/host/contract.ts).

import type { ActionType } from "../../engine/host/contract.ts"
import { enqueue, renameSession, upsertSuggestion } from "./house.ts"
import type { ActionNeeds, ActionRow } from "./row.ts"
import { upsertTranscript } from "./transcript.ts"
import { decideApproval, steerTurn } from "./turns.ts"

export const actionTable = (needs: ActionNeeds): Readonly<Record<ActionType, ActionRow>> => ({
  "transcript.upsert": upsertTranscript(needs),
  "approval.decide": decideApproval(needs),
  "turn.steer.create": steerTurn(needs),
  "queue.enqueue": enqueue(needs),
  "session.rename": renameSession(needs),
  "suggestion.upsert": upsertSuggestion(needs),
})
