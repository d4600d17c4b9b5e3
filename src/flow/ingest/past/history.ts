// The app-server's own history, laid beside our ledger: what we don't have is taken over, what we have stays as it is.
// Older binaries forget commands, make up item ids and call dead turns running, so the ledger's row always wins.

import type { Tx } from "../../../base/storage/port.ts"
import { isMadeUp, STREAMED, spokenOf } from "../../../domain/transcript/entry.ts"
import type { EntryRow } from "../../../domain/transcript/store.ts"
import type { TurnKind } from "../../../domain/turns/store.ts"
import type { RawTurn } from "../../../engine/runtime/threads/history.ts"
import type { Rooms } from "../../rooms.ts"

type RawItem = NonNullable<RawTurn["items"]>[number]

const ENDS = ["completed", "interrupted", "failed"] as const

/** Takes a session's history over. Turns that run here are left alone; those that nobody runs are not running. */
export function adopt(tx: Tx, rooms: Rooms, sessionId: string, turns: RawTurn[]): void {
  const isKnown = (turn: RawTurn) => rooms.turns.find(sessionId, turn.id, tx) !== undefined
  const gone = rooms.transcript.droppedUntil(tx, sessionId)
  for (const [at, turn] of turns.entries()) {
    // Another name of a turn that was seen live: what was seen stands.
    if (rooms.turns.realId(sessionId, turn.id, tx) !== turn.id) continue
    const known = rooms.turns.find(sessionId, turn.id, tx)
    if (known?.status === "inProgress" || known?.rolledBackAt !== undefined) continue
    if (!known && isKnownReview(tx, rooms, sessionId, turn)) continue
    if (!known && gone !== undefined && wasDropped(turn, gone, turns.slice(at + 1).some(isKnown))) continue
    if (!known) settle(tx, rooms, sessionId, turn)
    adoptItems(tx, rooms, sessionId, turn)
  }
}

function adoptItems(tx: Tx, rooms: Rooms, sessionId: string, turn: RawTurn): void {
  const rows = rooms.transcript.ofTurn(tx, sessionId, turn.id)
  const taken = new Set<string>()
  const items = turn.items ?? []
  const twins = items.map((item) => {
    const twin = twinOf(rows, item, taken)
    if (twin) taken.add(twin.messageId)
    return twin
  })
  // What we never heard of stands where history has it: before the next that we did hear of.
  let before: EntryRow | undefined
  const missing: Missing[] = []
  for (const [at, item] of [...items.entries()].reverse()) {
    const twin = twins[at]
    if (twin) lengthen(tx, rooms, sessionId, { twin, item })
    else missing.push({ turn, item, before })
    before = twin ?? before
  }
  for (const one of missing.reverse()) take(tx, rooms, sessionId, one)
}

/** A text that was cut off here with the child, and that the child has more of (wire-contract §3.5): its end stays what it was. */
function lengthen(
  tx: Tx,
  rooms: Rooms,
  sessionId: string,
  { twin, item }: { twin: EntryRow; item: RawItem },
): void {
  if (twin.item === undefined || twin.status === "complete") return
  const { content } = spokenOf(item)
  if (content.trim().length <= twin.content.trim().length || !isTextOf(twin)) return
  const more = JSON.stringify({ ...item, id: (JSON.parse(twin.item) as RawItem).id })
  rooms.transcript.put(tx, sessionId, { ...twin, content }, { item: more })
}

const isTextOf = ({ type }: EntryRow): boolean => Object.hasOwn(STREAMED, type)

/**
 * 0.105 and 0.130 keep a review as two turns under ids that nobody was told, 0.105 under other ones at every read. One whose
 * marks are in the ledger already is not another review.
 */
function isKnownReview(tx: Tx, rooms: Rooms, sessionId: string, turn: RawTurn): boolean {
  const marks = (turn.items ?? []).filter((item) => REVIEW_MARKS.has(item.type))
  return marks.some((mark) => {
    const rows = rooms.transcript.ofType(tx, sessionId, mark.type)
    const text = squeezed(textIn(mark))
    // Their history has only the first paragraph of what a review said.
    const isSame = (own: string) => (text === "" ? own === "" : own.startsWith(text))
    return rows.some((row) => isSame(squeezed(reviewIn(row.item))))
  })
}

/** One that nobody knows by this id, from the time whose turns were dropped; reviews are listed without times under new ids. */
function wasDropped(turn: RawTurn, until: number, isBeforeKnown: boolean): boolean {
  const ended = ms(turn.completedAt) ?? ms(turn.startedAt)
  return ended === undefined ? isBeforeKnown || kindOf(turn) === "review" : ended <= until
}

const textIn = ({ review }: RawItem): string => (typeof review === "string" ? review : "")
const reviewIn = (item: string | undefined): string =>
  item === undefined ? "" : textIn(JSON.parse(item) as RawItem)

const REVIEW_MARKS: ReadonlySet<string> = new Set(["enteredReviewMode", "exitedReviewMode"])

function kindOf(turn: RawTurn): TurnKind {
  const items = turn.items ?? []
  if (items.some((item) => REVIEW_MARKS.has(item.type))) return "review"
  return items.length > 0 && items.every((item) => item.type === "contextCompaction") ? "compact" : "message"
}

function settle(tx: Tx, rooms: Rooms, sessionId: string, turn: RawTurn): void {
  rooms.turns.settle(tx, {
    sessionId,
    id: turn.id,
    kind: kindOf(turn),
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
  // The beginning of it: what streamed until the child died.
  const cut =
    isMadeUp(item.id) &&
    alike.find((row) => row.status !== "complete" && isTextOf(row) && content.startsWith(row.content))
  if (cut) return cut
  return isMadeUp(item.id) && item.type === "reasoning" ? alike[0] : undefined
}

interface Missing {
  turn: RawTurn
  item: RawItem
  before: EntryRow | undefined
}

function take(tx: Tx, rooms: Rooms, sessionId: string, { turn, item, before }: Missing): void {
  // Made-up ids are counted anew whenever history is read: one that is taken belongs to another item.
  const taken = rooms.transcript.has(tx, sessionId, item.id)
  rooms.transcript.record(tx, sessionId, {
    item: taken ? { ...item, id: `${item.id}@${turn.id}` } : item,
    turnId: turn.id,
    status: "complete",
    startedAt: ms(turn.startedAt),
    completedAt: ms(turn.completedAt) ?? ms(turn.startedAt),
    before,
  })
}

const squeezed = (text: string): string => text.replace(/\s+/g, " ").trim()
const ms = (seconds: number | null | undefined): number | undefined =>
  seconds == null ? undefined : Math.round(seconds * 1000)
