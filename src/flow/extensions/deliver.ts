// Offers go out: in their order within a session, until an extension had its chance with each. What failed is tried
// again, and so is `turn.completed` when nothing came of it (wire-contract §4.2); a restart begins where the last one stopped.

import type { Log } from "../../base/events/log.ts"
import type { Clock } from "../../base/kit/clock.ts"
import { createLanes } from "../../base/kit/lanes.ts"
import type { Logger } from "../../base/observe/logger.ts"
import type { Db } from "../../base/storage/port.ts"
import type { Offer } from "../../domain/offers/store.ts"
import type { Envelope } from "../../engine/host/contract.ts"
import type { Host } from "../../engine/host/host.ts"
import type { Rooms } from "../rooms.ts"
import { approvalPayload, turnPayload } from "./payloads.ts"
import { scopeOf } from "./scope.ts"

export interface DeliverNeeds {
  db: Db
  log: Log
  logger: Logger
  clock: Clock
  rooms: Rooms
  host: Pick<Host, "emit">
}

/** Waits before the second and the third try: of `turn.completed` when nothing came of it, of others when a handler failed, its
 * host having died under it, say. */
const AGAIN_MS = [60, 120]

export function deliverOffers({ db, log, logger, clock, rooms, host }: DeliverNeeds) {
  const lanes = createLanes()
  const underWay = new Set<number>()
  let ready = false
  let closed = false

  function look(): void {
    if (!ready || closed || !rooms.offers.takeFresh()) return
    for (const offer of rooms.offers.waiting()) {
      if (underWay.has(offer.id)) continue
      underWay.add(offer.id)
      void lanes.run(offer.sessionId, () => deliver(offer)).finally(() => underWay.delete(offer.id))
    }
  }

  async function deliver(offer: Offer): Promise<void> {
    try {
      const entries = ({ sessionId, turnId }: Offer) => rooms.transcript.ofTurn(db, sessionId, turnId)
      const places = { ...rooms, entries }
      const isTurn = offer.type === "turn.completed"
      const payload = isTurn ? turnPayload(places, offer) : approvalPayload(places, offer)
      if (payload) await emit({ type: offer.type, payload, wantsAnswer: isTurn })
      if (!closed) await rooms.offers.delivered(offer.id)
    } catch (error) {
      logger.error("an event could not be offered to extensions; it is tried again at the next start", {
        type: offer.type,
        sessionId: offer.sessionId,
        error,
      })
    }
  }

  async function emit({
    type,
    payload,
    wantsAnswer,
  }: {
    type: string
    payload: unknown
    wantsAnswer: boolean
  }): Promise<void> {
    for (let n = 0; !closed; n++) {
      const envelopes = await host.emit({ type, payload, scope: scopeOf(payload) })
      const wait = AGAIN_MS[n]
      const isEnough = wantsAnswer ? envelopes.length === 0 : !envelopes.some(isError)
      if (isEnough || envelopes.some(isTaken) || wait === undefined) return
      const { promise, resolve } = Promise.withResolvers<void>()
      clock.after(wait, resolve)
      await promise
    }
  }

  const watching = log.onTold(look)
  return {
    /** The extensions are there: what waited goes out. */
    begin(): void {
      ready = true
      look()
    },
    [Symbol.dispose](): void {
      closed = true
      watching[Symbol.dispose]()
    },
  }
}

const SETTLED: ReadonlySet<string> = new Set(["performed", "already_resolved", "not_eligible", "conflict"])

const isError = ({ kind }: Envelope): boolean => kind === "handler_error"

/** Something came of it: work was queued, or an action settled. */
const isTaken = (envelope: Envelope): boolean =>
  envelope.kind === "enqueue_result" || (envelope.kind === "action_result" && SETTLED.has(envelope.status))
