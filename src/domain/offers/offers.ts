// What extensions must be told at least once (decisions 26): it is written in the act that makes it true, waits over
// restarts, and goes when it was delivered. One offer per approval and per turn, whatever is asked or told twice.

import type { Clock } from "../../base/kit/clock.ts"
import type { Db, Tx } from "../../base/storage/port.ts"
import {
  countFileChanges,
  forgetOffers,
  type Offer,
  offerDelivered,
  pruneOffers,
  putOffer,
  waitingOffers,
} from "./store.ts"

export interface OffersNeeds {
  db: Db
  clock: Clock
  /** False: nothing is offered (ORCHESTRATOR_QUEUE_ENABLED). */
  enabled: boolean
}

export interface AskedOffer {
  sessionId: string
  turnId: string
  requestId: string
  itemId: string | undefined
  source: Offer["source"]
}

const KEPT_MS = 7 * 24 * 3_600_000

export function createOffers({ db, clock, enabled }: OffersNeeds) {
  /** Something may wait that nobody has looked at; true at the start. */
  let fresh = true

  function put(tx: Tx, offer: Omit<Offer, "id" | "createdAt">): void {
    if (putOffer(tx, { ...offer, createdAt: clock.now() })) fresh = true
  }

  return {
    enabled,
    /** Changes of files wait for a person. */
    asked(tx: Tx, { requestId, ...asked }: AskedOffer): void {
      if (!enabled) return
      put(tx, { type: "file_change.approval_requested", key: `approval ${requestId}`, requestId, ...asked })
    },
    /** A turn completed; it is offered if it asked for changes of files. */
    completed(tx: Tx, sessionId: string, turnId: string): void {
      if (!enabled || countFileChanges(tx, sessionId, turnId) === 0) return
      const key = `turn ${sessionId} ${turnId}`
      const none = { requestId: undefined, itemId: undefined }
      put(tx, { type: "turn.completed", key, sessionId, turnId, ...none, source: "approval_request" })
    },
    fileChangesIn: (sessionId: string, turnId: string): number => countFileChanges(db, sessionId, turnId),
    /** True once after something was put. */
    takeFresh(): boolean {
      const was = fresh
      fresh = false
      return was
    },
    /** Whether an offer made at that time would still be known. */
    remembers: (at: number): boolean => at > clock.now() - KEPT_MS,
    /** The oldest that wait. */
    waiting: (): Offer[] => waitingOffers(db),
    delivered: (id: number): Promise<void> =>
      db.act((tx) => {
        offerDelivered(tx, id, clock.now())
        pruneOffers(tx, clock.now() - KEPT_MS)
      }),
    /** Its session is gone. */
    forget: (tx: Tx, sessionId: string): void => forgetOffers(tx, sessionId),
  }
}
export type Offers = ReturnType<typeof createOffers>
