// Which requests are offered: those to change files, with a diff, in a session of a project (wire-contract §4.2).

import type { Tx } from "../../base/storage/port.ts"
import type { Rooms } from "../rooms.ts"
import { changesIn, changesOf } from "./payloads.ts"

export interface Noted {
  requestId: string
  sessionId: string
  turnId: string | null
  method: string
  params: Record<string, unknown>
}

/** Called in the act that opens the request. */
export function noteAsked(
  { sessions, transcript, offers }: Rooms,
  tx: Tx,
  { requestId, sessionId, turnId, method, params }: Noted,
): void {
  if (!offers.enabled || method !== "item/fileChange/requestApproval") return
  const session = sessions.find(sessionId, tx)
  if (!session?.projectId || session.systemOwned) return
  const itemId = typeof params.itemId === "string" ? params.itemId : undefined
  const row = itemId === undefined ? undefined : transcript.find(tx, sessionId, itemId)
  const ofTurn = () => (turnId === null ? [] : transcript.ofTurn(tx, sessionId, turnId).toReversed())
  const found =
    changesIn(params) ??
    changesOf(row) ??
    ofTurn()
      .map(changesOf)
      .find((one) => one !== undefined)
  if (!found) return
  offers.asked(tx, {
    sessionId,
    turnId: turnId ?? row?.turnId ?? "approval",
    requestId,
    itemId,
    source: "approval_request",
  })
}
