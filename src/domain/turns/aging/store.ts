// What aging asks of the tables: which turn of a session is the next to go, and what keeps a session whole.

import type { Reader, Tx } from "../../../base/storage/port.ts"

const SESSIONS = `SELECT id FROM sessions WHERE id > ? ORDER BY id LIMIT ?`
// The plain index serves the order; turns that are gone already are not in it.
const FIRST = `SELECT t.id, t.status, t.rolled_back_at, coalesce(t.completed_at, t.started_at,
    (SELECT max(coalesce(e.completed_at, e.started_at)) FROM entries AS e WHERE e.session_id = t.session_id AND e.turn_id = t.id),
    CAST(s.created_at * 1000 AS INTEGER)) AS ended
  FROM turns AS t JOIN sessions AS s ON s.id = t.session_id
  WHERE t.session_id = ? AND t.dropped_done = 0 ORDER BY t.place LIMIT 1`
const WAITS = `SELECT EXISTS (SELECT 1 FROM turns WHERE session_id = ?1 AND status = 'inProgress')
  OR EXISTS (SELECT 1 FROM requests WHERE session_id = ?1
    AND state IN ('open', 'claimed', 'orphaned', 'accepted-for-carry', 'carrying', 'indeterminate'))
  OR EXISTS (SELECT 1 FROM prompts WHERE session_id = ?1 AND state IN ('queued', 'dispatched'))
  OR EXISTS (SELECT 1 FROM entries WHERE session_id = ?1 AND status = 'streaming')
  OR EXISTS (SELECT 1 FROM rollbacks WHERE session_id = ?1)
  OR EXISTS (SELECT 1 FROM imports WHERE session_id = ?1 AND (done = 0 OR imported_at >= ?2)) AS yes`
const TAKE = `DELETE FROM entries WHERE seq IN (
    SELECT seq FROM entries WHERE session_id = ? AND turn_id = ? ORDER BY place, spot LIMIT ?) RETURNING seq`
const BEGUN = `UPDATE turns SET dropped = ?, dropped_until = ? WHERE session_id = ? AND id = ?`
const DONE = `UPDATE turns SET dropped = ?, dropped_until = ?, dropped_done = 1, rolled_back_at = coalesce(rolled_back_at, ?),
  error = NULL, controls = NULL, policy = NULL WHERE session_id = ? AND id = ?`

export const sessionsAfter = (db: Reader, id: string, limit: number): string[] =>
  db.all(SESSIONS, id, limit).map((row) => row.id as string)

export interface OldTurn {
  sessionId: string
  id: string
  /** Epoch milliseconds; where nobody told, when its entries were. */
  ended: number
}

/** The first turn of the session that is still there, if it ended before that time. */
export function oldTurn(db: Reader, sessionId: string, before: number): OldTurn | undefined {
  const row = db.get(FIRST, sessionId)
  if (!row || row.status === "inProgress" || (row.ended as number) >= before) return undefined
  return { sessionId, id: row.id as string, ended: row.ended as number }
}

/** Something of the session runs, waits for somebody, or came by an import since that time. */
export const waits = (db: Reader, sessionId: string, since: number): boolean =>
  db.get(WAITS, sessionId, since)?.yes === 1

/** Deletes its first entries; says how many. */
export const takeEntries = (tx: Tx, { sessionId, id }: OldTurn, limit: number): number =>
  tx.all(TAKE, sessionId, id, limit).length

export const noteBegun = (tx: Tx, { sessionId, id, ended }: OldTurn, changed: number): void =>
  void tx.run(BEGUN, changed, ended, sessionId, id)

/** Nothing of it is left, and it is in no list. */
export const noteDropped = (
  tx: Tx,
  { sessionId, id, ended }: OldTurn,
  { changed, at }: { changed: number; at: number },
): void => void tx.run(DONE, changed, ended, at, sessionId, id)
