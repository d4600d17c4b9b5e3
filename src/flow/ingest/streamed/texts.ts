// What the text of one read of the child comes to: for each run of an item's deltas one event that says where its text begins, told
// before anything else of the thread, so that a client that reads the entry midway can join exactly.

import type { NewEvent } from "../../../base/events/event.ts"
import type { Log } from "../../../base/events/log.ts"
import type { Tx } from "../../../base/storage/port.ts"
import type { Rooms } from "../../rooms.ts"
import type { Contexts } from "../contexts.ts"

export interface TextsNeeds {
  log: Log
  rooms: Pick<Rooms, "transcript" | "turns">
  contexts: Contexts
}

export interface HeardText {
  sessionId: string
  /** As the child names it. */
  turnId: string | null
  itemId: string
  delta: string
}

export function openTexts({ log, rooms, contexts }: TextsNeeds) {
  const waiting = new Map<string, HeardText[]>()
  /** By thread and item: what this read has told already. */
  const ahead = new Map<string, number>()

  function eventOf(tx: Tx, text: HeardText): NewEvent {
    const { sessionId, turnId: said, itemId, delta } = text
    const turnId = said === null ? null : rooms.turns.idOf(tx, sessionId, said)
    const key = `${sessionId} ${itemId}`
    const before = ahead.get(key) ?? 0
    ahead.set(key, before + delta.length)
    const { audience } = contexts.of(tx, sessionId)
    return rooms.transcript.deltaOf(audience, { sessionId, turnId, itemId, delta, ahead: before })
  }

  function tellOf(tx: Tx, sessionId: string): void {
    const texts = waiting.get(sessionId)
    if (!texts) return
    waiting.delete(sessionId)
    for (const text of texts) log.append(tx, eventOf(tx, text))
  }

  return {
    hear(text: HeardText): void {
      const texts = waiting.get(text.sessionId) ?? []
      waiting.set(text.sessionId, texts)
      const last = texts.at(-1)
      if (last?.itemId === text.itemId) last.delta += text.delta
      else texts.push({ ...text })
    },
    /** Something else of the session comes next. */
    tellOf,
    /** The read is over. */
    tell(tx: Tx): void {
      for (const sessionId of [...waiting.keys()]) tellOf(tx, sessionId)
    },
  }
}
export type Texts = ReturnType<typeof openTexts>
