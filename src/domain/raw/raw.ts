// Raw response items: what the model was sent and said, word for word, where the binary tells it. They are kept only when the
// operator asks for it, packed, for a time and up to a size; frames of them stay unstored either way (decisions 4).

import type { Clock } from "../../base/kit/clock.ts"
import { iso } from "../../base/kit/clock.ts"
import { TIMERS } from "../../base/kit/timers.ts"
import { pack, unpack } from "../../base/platform/pack.ts"
import type { Db, Reader, Tx } from "../../base/storage/port.ts"
import { type AskRaw, addRaw, dropRawUntil, oldestRaw, rawItems, takenBytes } from "./store.ts"

export interface RawNeeds {
  db: Db
  clock: Clock
  /** Undefined: nothing is kept. What was kept before still ages. */
  keep: { stored: boolean; maxAgeMs: number; maxBytes: number }
  onFault(error: unknown): void
}

const AT_A_TIME = 500

export function createRaw({ db, clock, keep, onFault }: RawNeeds) {
  let cadence: Disposable | undefined

  /** The rows to drop next, oldest first, up to a number; undefined when everything is within its limits. */
  function tooMuch(reader: Reader): number | undefined {
    const rows = oldestRaw(reader, AT_A_TIME)
    let over = takenBytes(reader) - keep.maxBytes
    const before = clock.now() - keep.maxAgeMs
    let last: number | undefined
    for (const { n, at, size } of rows) {
      if (at >= before && over <= 0) break
      over -= size
      last = n
    }
    return last
  }
  async function prune(): Promise<void> {
    const step = () =>
      db.act((tx) => {
        const last = tooMuch(tx)
        if (last !== undefined) dropRawUntil(tx, last)
        return last !== undefined
      })
    while (await step());
  }
  const round = () => void prune().catch(onFault)

  return {
    /** Whether items are kept from now on. */
    stored: keep.stored,
    keep(
      tx: Tx,
      { sessionId, turnId, item }: { sessionId: string; turnId: string | null; item: unknown },
    ): void {
      if (!keep.stored) return
      const body = pack(JSON.stringify(item))
      addRaw(tx, { sessionId, turnId, at: clock.now(), body })
    },
    /** In the order in which they came; `next` is what to ask for after these, null at the end. */
    list(ask: AskRaw) {
      const rows = rawItems(db, { ...ask, limit: ask.limit + 1 })
      const shown = rows.slice(0, ask.limit)
      return {
        items: shown.map(({ n, turnId, at, body }) => ({
          n,
          turnId,
          at: iso(at),
          item: JSON.parse(unpack(body)) as unknown,
        })),
        next: rows.length > ask.limit ? (shown.at(-1)?.n ?? null) : null,
      }
    },
    prune,
    /** Removes what is too old or too much, now and on a cadence. */
    start(): void {
      round()
      cadence = clock.every(TIMERS.retentionMs, round)
    },
    [Symbol.dispose]: () => cadence?.[Symbol.dispose](),
  }
}
export type Raw = ReturnType<typeof createRaw>
