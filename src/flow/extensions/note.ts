// Which requests are offered: those to change files, with a diff, in a session of a project (wire-contract §4.2).

import type { Tx } from "../../base/storage/port.ts"
import type { Offer } from "../../domain/offers/store.ts"
import type { Rooms } from "../rooms.ts"
import { changesIn, changesOf } from "./payloads.ts"

const FILE_CHANGE = "item/fileChange/requestApproval"
/** What waits and was asked before anybody could be told: at most so many, the oldest first. */
const MOST_WAITING = 1_000

export interface Noted {
  requestId: string
  sessionId: string
  turnId: string | null
  method: string
  params: Record<string, unknown>
  /** `approval_request` unless it is looked at again. */
  source?: Offer["source"]
}

/** Called in the act that opens the request. */
export function noteAsked(
  { sessions, transcript, offers }: Rooms,
  tx: Tx,
  { requestId, sessionId, turnId, method, params, source = "approval_request" }: Noted,
): void {
  if (!offers.enabled || method !== FILE_CHANGE) return
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
    source,
  })
}

/**
 * Changes that wait for a person and were never offered, of one session or of all: the queue was off when they were asked for, or
 * their session came into its project later. What was offered is not offered again.
 */
export function noteWaiting(rooms: Rooms, tx: Tx, sessionId?: string): void {
  if (!rooms.offers.enabled) return
  for (const { id } of rooms.requests.inbox({ kind: "approval", sessionId, limit: MOST_WAITING }).data) {
    const request = rooms.requests.find(id)
    // An offer is forgotten a while after it was delivered: what is older than that may have been offered.
    if (!request || !rooms.offers.remembers(request.createdAt)) continue
    const { turnId = null, method } = request
    const params = JSON.parse(request.params) as Record<string, unknown>
    noteAsked(rooms, tx, {
      requestId: id,
      sessionId: request.sessionId,
      turnId,
      method,
      params,
      source: "approvals_reconcile",
    })
  }
}
