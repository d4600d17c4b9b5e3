// What a start has to put right after a kill: text that was streaming is taken from the log, and what the dead child held is
// settled (decisions 18). Before the first client is let in.

import type { Log } from "../../../base/events/log.ts"
import type { Db } from "../../../base/storage/port.ts"
import { streamingAnywhere } from "../../../domain/transcript/store.ts"
import type { Acts } from "../../acts/acts.ts"
import type { Rooms } from "../../rooms.ts"
import { paramsOf } from "../message.ts"
import { TEXT_DELTAS } from "../notifications.ts"
import type { Owed } from "../owed.ts"

export interface StartupNeeds {
  db: Db
  log: Log
  rooms: Rooms
  acts: Acts
  owed: Owed
}

const PAGE = { maxEvents: 5_000, maxBytes: 8 * 1024 * 1024 }

/** Settles everything that the last life of the daemon left unfinished; on a full disk as soon as there is room. */
export function settleThePast({ db, log, rooms, acts, owed }: StartupNeeds): void {
  for (const [sessionId, items] of bySession(db)) hearAgain(log, rooms, sessionId, items)
  owed.owe((tx, after) => {
    acts.endRun(tx, { reason: "the daemon was stopped while this ran" }, after)
    // Rows of turns that were settled before their items were, by a kill in between.
    for (const { sessionId, turnId } of streamingAnywhere(tx))
      rooms.transcript.close(tx, sessionId, turnId, "canceled")
  })
  owed.pay()
}

function bySession(db: Db): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  for (const { sessionId, messageId } of streamingAnywhere(db)) {
    found.set(sessionId, (found.get(sessionId) ?? new Set()).add(messageId))
  }
  return found
}

/** Reads the deltas of those items from the log: what was told before the kill is in the transcript after it. */
function hearAgain(log: Log, rooms: Rooms, sessionId: string, items: Set<string>): void {
  for (let after = 0; ; ) {
    const { events, done } = log.page(after, { thread: sessionId }, PAGE)
    for (const { type, body, thread } of events) {
      if (type !== "app.notification" || thread !== sessionId || !body.includes('elta"')) continue
      const { method, params } = JSON.parse(body) as { method: string; params: unknown }
      const { itemId, delta } = paramsOf(params)
      if (TEXT_DELTAS[method] === undefined || typeof itemId !== "string" || typeof delta !== "string")
        continue
      if (items.has(itemId)) rooms.transcript.hear(sessionId, itemId, delta)
    }
    const last = events.at(-1)
    if (done || !last) return
    after = last.n
  }
}
