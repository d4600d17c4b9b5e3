// The topics of the live path and how many listen to each. An unfiltered listener is on `a:<family>`, one that follows a
// thread is on `t:<thread>:<family>` and `g:<family>`; a frame goes to at most two topics and no listener is on both.

import type { Scope } from "../../base/events/event.ts"
import type { Listener, Outlet } from "./listener.ts"
import { FAMILIES, type Family, type FamilyMask, indexesOf, indexOf } from "./wire/families.ts"

export interface Topic {
  readonly name: string
  /** Sockets that the platform reaches by the topic's name. */
  sockets: number
  /** Outlets that are sent to one by one. */
  readonly sinks: Set<Outlet>
}

/** The topics of one audience, by index of family. */
interface Board {
  mask: FamilyMask
  listeners: number
  topics: Topic[]
}

const newBoard = (prefix: string): Board => ({
  mask: 0,
  listeners: 0,
  topics: FAMILIES.map((family) => ({ name: `${prefix}:${family}`, sockets: 0, sinks: new Set() })),
})
const NOBODY: Topic[] = []

export function createBoards() {
  const all = newBoard("a")
  const global = newBoard("g")
  const threads = new Map<string, Board>()

  const boardsOf = (thread: string | null): Board[] => {
    if (thread === null) return [all]
    const own = threads.get(thread) ?? newBoard(`t:${thread}`)
    threads.set(thread, own)
    return [own, global]
  }
  const pick = (board: Board | undefined, family: Family): Topic | undefined => {
    const topic = board?.topics[indexOf(family)]
    return topic !== undefined && (topic.sockets > 0 || topic.sinks.size > 0) ? topic : undefined
  }
  const heard = (first: Topic | undefined, second: Topic | undefined): Topic[] => {
    if (first === undefined) return second === undefined ? NOBODY : [second]
    return second === undefined ? [first] : [first, second]
  }

  return {
    /** Families of which a frame about this thread may be heard by somebody. */
    wanted(thread: string | null): FamilyMask {
      const own = thread === null ? 0 : (threads.get(thread)?.mask ?? 0)
      return all.mask | global.mask | own
    },
    /** Where a frame goes (wire-contract §2.2), without topics that nobody listens to. */
    topicsOf({ scope, family }: { scope: Scope; family: Family }, thread: string | null): Topic[] {
      const own = thread === null ? undefined : threads.get(thread)
      switch (scope) {
        case "global":
          return heard(pick(all, family), pick(global, family))
        case "thread":
          return heard(pick(all, family), pick(own, family))
        case "hidden":
          return heard(pick(own, family), undefined)
        case "none":
          return heard(pick(all, family), undefined)
      }
    },
    join({ outlet, wish }: Listener) {
      for (const board of boardsOf(wish.thread)) {
        board.listeners++
        for (const index of indexesOf(wish.families)) {
          const topic = board.topics[index]
          if (topic === undefined) continue
          board.mask |= 1 << index
          if (outlet.topics === undefined) topic.sinks.add(outlet)
          else {
            topic.sockets++
            outlet.topics.subscribe(topic.name)
          }
        }
      }
    },
    /** Takes a live listener off its topics. */
    leave({ outlet, wish, gone }: Listener) {
      for (const board of boardsOf(wish.thread)) {
        board.listeners--
        for (const index of indexesOf(wish.families)) {
          const topic = board.topics[index]
          if (topic === undefined) continue
          if (outlet.topics === undefined) topic.sinks.delete(outlet)
          else {
            topic.sockets--
            if (!gone) outlet.topics.unsubscribe(topic.name)
          }
          if (topic.sockets === 0 && topic.sinks.size === 0) board.mask &= ~(1 << index)
        }
        if (wish.thread !== null && board !== global && board.listeners === 0) threads.delete(wish.thread)
      }
    },
  }
}
