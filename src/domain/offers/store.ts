// Offers to extensions: rows that wait, and those of turns that still run.

import type { Reader, Row, Tx } from "../../base/storage/port.ts"

export interface Offer {
  id: number
  type: "file_change.approval_requested" | "turn.completed"
  key: string
  sessionId: string
  turnId: string
  requestId: string | undefined
  itemId: string | undefined
  source: "approval_request" | "approvals_reconcile"
  createdAt: number
}

const PUT = `INSERT OR IGNORE INTO extension_offers (type, key, session_id, turn_id, request_id, item_id, source, created_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
const WAITING = `SELECT * FROM extension_offers WHERE delivered_at IS NULL ORDER BY id LIMIT 100`
const COUNT = `SELECT count(*) AS n FROM extension_offers WHERE session_id = ? AND turn_id = ? AND type = 'file_change.approval_requested'`
const DELIVERED = `UPDATE extension_offers SET delivered_at = ? WHERE id = ?`
const PRUNE = `DELETE FROM extension_offers WHERE delivered_at < ?`
const FORGET = `DELETE FROM extension_offers WHERE session_id = ?`

export const putOffer = (tx: Tx, offer: Omit<Offer, "id">): boolean =>
  tx.run(
    PUT,
    offer.type,
    offer.key,
    offer.sessionId,
    offer.turnId,
    offer.requestId ?? null,
    offer.itemId ?? null,
    offer.source,
    offer.createdAt,
  ).changes > 0
export const waitingOffers = (db: Reader): Offer[] => db.all(WAITING).map(offerOf)
export const countFileChanges = (db: Reader, sessionId: string, turnId: string): number =>
  db.get(COUNT, sessionId, turnId)?.n as number
export const offerDelivered = (tx: Tx, id: number, at: number): void => void tx.run(DELIVERED, at, id)
export const pruneOffers = (tx: Tx, before: number): void => void tx.run(PRUNE, before)
export const forgetOffers = (tx: Tx, sessionId: string): void => void tx.run(FORGET, sessionId)

const offerOf = (row: Row): Offer => ({
  id: row.id as number,
  type: row.type as Offer["type"],
  key: row.key as string,
  sessionId: row.session_id as string,
  turnId: row.turn_id as string,
  requestId: (row.request_id as string | null) ?? undefined,
  itemId: (row.item_id as string | null) ?? undefined,
  source: row.source as Offer["source"],
  createdAt: row.created_at as number,
})
