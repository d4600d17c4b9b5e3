// Drops what was said in turns that have grown too old, where the operator asks for it: from the beginning of each session,
// whole turns, in small acts. A session with something that runs or waits is left as it is. The turn's row stays, hidden, so
// that no history brings it back; what it used stays counted.

import type { Log } from "../../../base/events/log.ts"
import type { Clock } from "../../../base/kit/clock.ts"
import type { Lanes } from "../../../base/kit/lanes.ts"
import { TIMERS } from "../../../base/kit/timers.ts"
import type { Db, Tx } from "../../../base/storage/port.ts"
import { noteBegun, noteDropped, oldTurn, sessionsAfter, takeEntries, waits } from "./store.ts"

export interface AgingNeeds {
  db: Db
  log: Pick<Log, "next">
  clock: Clock
  lanes: Lanes
  /** 0: nothing is ever dropped. */
  maxAgeMs: number
  onFault(error: unknown): void
}

const SESSIONS_AT_A_TIME = 100
const ENTRIES_AT_A_TIME = 200

export function createAging({ db, log, clock, lanes, maxAgeMs, onFault }: AgingNeeds) {
  let running = false
  let over = false

  /** One act's worth of a session; false when nothing of it is too old. */
  function step(tx: Tx, sessionId: string, before: number): boolean {
    const turn = oldTurn(tx, sessionId, before)
    if (!turn || waits(tx, sessionId, before)) return false
    const isAll = takeEntries(tx, turn, ENTRIES_AT_A_TIME) < ENTRIES_AT_A_TIME
    const changed = log.next()
    if (isAll) noteDropped(tx, turn, { changed, at: clock.now() })
    else noteBegun(tx, turn, changed)
    return true
  }

  async function prune(): Promise<void> {
    if (running || maxAgeMs === 0) return
    running = true
    try {
      const before = clock.now() - maxAgeMs
      let last: string | undefined = ""
      while (last !== undefined && !over) last = await page(last, before)
    } finally {
      running = false
    }
  }
  async function page(from: string, before: number): Promise<string | undefined> {
    // Read in acts, too: between two of them others have their turn.
    const { last, old } = await db.act((tx) => {
      const ids = sessionsAfter(tx, from, SESSIONS_AT_A_TIME)
      return { last: ids.at(-1), old: ids.filter((id) => oldTurn(tx, id, before)) }
    })
    // In the session's lane: nothing that counts its turns is under way.
    const once = (id: string) => lanes.run(id, () => db.act((tx) => step(tx, id, before)))
    for (const id of old) while (!over && (await once(id)));
    return last
  }

  const round = () => void prune().catch((error) => over || onFault(error))
  let cadence: Disposable | undefined
  return {
    prune,
    /** Drops what is too old, now and on a cadence. */
    start(): void {
      if (maxAgeMs === 0) return
      round()
      cadence = clock.every(TIMERS.agingMs, round)
    },
    [Symbol.dispose](): void {
      over = true
      cadence?.[Symbol.dispose]()
    },
  }
}
