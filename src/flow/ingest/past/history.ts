// The app-server's own history, laid beside our ledger: what we don't have is taken over, what we have stays as it is.
// Older binaries forget commands, make up item ids and call dead turns running, so the ledger's row always wins.

import type { Tx } from "../../../base/storage/port.ts"
import { spokenOf } from "../../../domain/transcript/entry.ts"
import type { EntryRow } from "../../../domain/transcript/store.ts"
import type { RawTurn } from "../../../engine/runtime/threads/history.ts"
import type { Rooms } from "../../rooms.ts"

type RawItem = NonNullable<RawTurn["items"]>[number]

const MADE_UP = /^item-\d+$/i
const ENDS = ["completed", "interrupted", "failed"] as const

/** Takes a session's history over. Turns that run here are left alone; those that nobody runs are not running. */
export function adopt(tx: Tx, rooms: Rooms, sessionId: string, turns: RawTurn[]): void {
  for (const turn of turns) {
    const known = rooms.turns.find(sessionId, turn.id, tx)
    if (known?.status === "inProgress") continue
    if (!known) settle(tx, rooms, sessionId, turn)
    const rows = rooms.transcript.ofTurn(tx, sessionId, turn.id)
    const places = new Set<string>()
    for (const item of turn.items ?? []) {
      const twin = twinOf(rows, item, places)
      if (twin) places.add(twin.messageId)
      else take(tx, rooms, sessionId, turn, item)
    }
  }
}

function settle(tx: Tx, rooms: Rooms, sessionId: string, turn: RawTurn): void {
  rooms.turns.settle(tx, {
    sessionId,
    id: turn.id,
    // A turn that history calls running and that is none of ours was cut off with its process.
    status: ENDS.find((end) => end === turn.status) ?? "interrupted",
    error: turn.error == null ? undefined : JSON.stringify(turn.error),
    startedAt: ms(turn.startedAt),
    completedAt: ms(turn.completedAt) ?? ms(turn.startedAt),
  })
}

/** The row that already stands for this item: the same id or, for a made-up one, the first alike that isn't taken. */
function twinOf(rows: EntryRow[], item: RawItem, taken: Set<string>): EntryRow | undefined {
  const same = rows.find((row) => row.messageId === item.id || row.messageId === `${item.id}@${row.turnId}`)
  if (same) return same
  const { role, content } = spokenOf(item)
  const alike = rows.filter((row) => row.type === item.type && row.role === role && !taken.has(row.messageId))
  const exact = alike.find((row) => squeezed(row.content) === squeezed(content))
  if (exact) return exact
  return MADE_UP.test(item.id) && item.type === "reasoning" ? alike[0] : undefined
}

function take(tx: Tx, rooms: Rooms, sessionId: string, turn: RawTurn, item: RawItem): void {
  // Made-up ids are counted anew whenever history is read: one that is taken belongs to another item.
  const taken = rooms.transcript.has(tx, sessionId, item.id)
  rooms.transcript.record(tx, sessionId, {
    item: taken ? { ...item, id: `${item.id}@${turn.id}` } : item,
    turnId: turn.id,
    status: "complete",
    startedAt: ms(turn.startedAt),
    completedAt: ms(turn.completedAt) ?? ms(turn.startedAt),
  })
}

const squeezed = (text: string): string => text.replace(/\s+/g, " ").trim()
const ms = (seconds: number | null | undefined): number | undefined =>
  seconds == null ? undefined : Math.round(seconds * 1000)
