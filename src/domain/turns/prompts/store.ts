// The prompts table: messages that wait for their session to be free, and what became of them.

import type { Reader, Row, Tx } from "../../../base/storage/port.ts"
import type { Prompt, PromptState } from "./prompt.ts"

const GET = `SELECT * FROM prompts WHERE session_id = ? AND id = ?`
const BY_ID = `SELECT * FROM prompts WHERE id = ?`
const OF_SESSION = `SELECT * FROM prompts WHERE session_id = ? ORDER BY place, created_at`
const QUEUED = `SELECT * FROM prompts WHERE session_id = ? AND state = 'queued' ORDER BY place`
const FIRST_QUEUED = `${QUEUED} LIMIT 1`
const DISPATCHED = `SELECT * FROM prompts WHERE state = 'dispatched'`
const WAITING_SESSIONS = `SELECT DISTINCT session_id FROM prompts WHERE state IN ('queued', 'dispatched')`
const LAST_PLACE = `SELECT coalesce(max(place), 0) AS place FROM prompts WHERE session_id = ?`
const PUT = `INSERT INTO prompts (id, session_id, place, text, overrides, state, tracked, turn_id, reason, created_at, updated_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET place = excluded.place, text = excluded.text, overrides = excluded.overrides,
    state = excluded.state, tracked = excluded.tracked, turn_id = excluded.turn_id, reason = excluded.reason,
    updated_at = excluded.updated_at`
/** Of what is over, the last hundred are kept for whoever asks. */
const PRUNE = `DELETE FROM prompts WHERE session_id = ?1 AND state IN ('accepted', 'canceled') AND id NOT IN (
  SELECT id FROM prompts WHERE session_id = ?1 AND state IN ('accepted', 'canceled') ORDER BY updated_at DESC, id DESC LIMIT 100)`
const FORGET = `DELETE FROM prompts WHERE session_id = ?`

export const readPrompt = (db: Reader, sessionId: string, id: string): Prompt | undefined =>
  promptOf(db.get(GET, sessionId, id))
export const promptById = (db: Reader, id: string): Prompt | undefined => promptOf(db.get(BY_ID, id))
export const promptsOf = (db: Reader, sessionId: string): Prompt[] => list(db.all(OF_SESSION, sessionId))
export const queuedOf = (db: Reader, sessionId: string): Prompt[] => list(db.all(QUEUED, sessionId))
export const firstQueued = (db: Reader, sessionId: string): Prompt | undefined =>
  promptOf(db.get(FIRST_QUEUED, sessionId))
export const dispatchedAnywhere = (db: Reader): Prompt[] => list(db.all(DISPATCHED))
export const waitingSessions = (db: Reader): string[] =>
  db.all(WAITING_SESSIONS).map((row) => row.session_id as string)
export const lastPromptPlace = (db: Reader, sessionId: string): number =>
  db.get(LAST_PLACE, sessionId)?.place as number

export function writePrompt(tx: Tx, p: Prompt): void {
  tx.run(
    PUT,
    p.id,
    p.sessionId,
    p.place,
    p.text,
    JSON.stringify(p.overrides),
    p.state,
    Number(p.tracked),
    p.turnId ?? null,
    p.reason ?? null,
    p.createdAt,
    p.updatedAt,
  )
}
export const prunePrompts = (tx: Tx, sessionId: string): void => void tx.run(PRUNE, sessionId)
export const forgetPrompts = (tx: Tx, sessionId: string): void => void tx.run(FORGET, sessionId)

const list = (rows: Row[]): Prompt[] => rows.flatMap((row) => promptOf(row) ?? [])

function promptOf(row: Row | undefined): Prompt | undefined {
  if (!row) return undefined
  return {
    id: row.id as string,
    sessionId: row.session_id as string,
    place: row.place as number,
    text: row.text as string,
    overrides: JSON.parse(row.overrides as string) as Prompt["overrides"],
    state: row.state as PromptState,
    tracked: row.tracked === 1,
    turnId: (row.turn_id as string | null) ?? undefined,
    reason: (row.reason as string | null) ?? undefined,
    createdAt: row.created_at as number,
    updatedAt: row.updated_at as number,
  }
}
