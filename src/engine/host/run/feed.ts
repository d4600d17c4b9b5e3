// Events that are delivered at most once: so many are under way at a time, so many wait, and what is more is dropped, deltas
// first. An extension that is slow can't make the daemon hold everything that it has not taken yet.

import type { Emitted } from "./dispatch.ts"

const UNDER_WAY = 64
const WAITING = 1_000
/** Beyond this no delta waits any more. */
const WAITING_DELTAS = 250

export interface Fed extends Emitted {
  delta: boolean
}

export function createFeed(needs: { emit(event: Emitted): Promise<unknown>; dropped(type: string): void }) {
  let waiting: Fed[] = []
  let underWay = 0

  function next(): void {
    while (underWay < UNDER_WAY) {
      const event = waiting.shift()
      if (!event) return
      underWay++
      void needs.emit(event).finally(() => {
        underWay--
        next()
      })
    }
  }

  return {
    /** Resolves nothing: what becomes of it is told to nobody. */
    give(event: Fed): void {
      if (event.delta && waiting.length >= WAITING_DELTAS) {
        needs.dropped(event.type)
        return
      }
      if (waiting.length >= WAITING) {
        const spare = waiting.findIndex(({ delta }) => delta)
        const [gone] = spare < 0 ? [event] : waiting.splice(spare, 1)
        if (gone) needs.dropped(gone.type)
        if (spare < 0) return
      }
      waiting.push(event)
      next()
    },
    clear(): void {
      waiting = []
    },
  }
}
