// What was deleted stays deleted: a tombstone lives for as long as the child could still list the thread, and 30 days
// beyond (decisions 20). Asked for every message of the child, so the ids are held in memory too.

import type { Log } from "../../../base/events/log.ts"
import { Fault } from "../../../base/fault.ts"
import { type Clock, iso } from "../../../base/kit/clock.ts"
import type { Db, Reader, Tx } from "../../../base/storage/port.ts"
import { SESSION_DELETED } from "../../events.ts"
import {
  absentTombstones,
  dropTombstone,
  presentTombstones,
  readTombstone,
  type Tombstone,
  tombstoneIds,
  writeTombstone,
} from "./store.ts"

export interface TombstonesNeeds {
  db: Db
  log: Log
  clock: Clock
}

const KEPT_MS = 30 * 24 * 60 * 60 * 1000

export function createTombstones({ db, log, clock }: TombstonesNeeds) {
  const ids = new Set(tombstoneIds(db).map(({ outer }) => outer))
  /** Put by an act that may not have been committed: these are looked up. */
  const dying = new Set<string>()
  const hearing = log.onTold((events) => {
    for (const { type, thread } of events) {
      if (type !== SESSION_DELETED || thread === null) continue
      ids.add(thread)
      dying.delete(thread)
    }
  })
  /** Within an act `reader` is its Tx: what the same tick deleted is deleted. */
  const has = (id: string, reader: Reader = db): boolean =>
    ids.has(id) || (dying.has(id) && readTombstone(reader, id) !== undefined)

  return {
    /** True for a session that was deleted. */
    has,
    /** `session_deleted` with the contract's body, or undefined where the session was not deleted here. */
    fault(id: string, reader: Reader = db): Fault | undefined {
      const stone = has(id, reader) ? readTombstone(reader, id) : undefined
      return stone && new Fault("session_deleted", DELETED, detailsOf(stone))
    },
    /** Its body of wire-contract §0.2 (`D410`), for the frame. */
    bodyOf: (stone: Pick<Tombstone, "sessionId" | "title" | "deletedAt">) => ({
      status: "deleted",
      message: DELETED,
      ...detailsOf(stone),
    }),
    put(tx: Tx, stone: Omit<Tombstone, "absentSince">): void {
      dying.add(stone.sessionId)
      writeTombstone(tx, { ...stone, absentSince: undefined })
    },
    /** A whole list of the child was read: `listed` holds its ids. Answers the deleted ones that it still has. */
    seen(tx: Tx, listed: ReadonlySet<string>): string[] {
      for (const stone of presentTombstones(tx))
        if (!listed.has(stone.sessionId)) writeTombstone(tx, { ...stone, absentSince: clock.now() })
      const back = [...listed].filter((id) => ids.has(id))
      for (const id of back) {
        const stone = readTombstone(tx, id)
        if (stone?.absentSince !== undefined) writeTombstone(tx, { ...stone, absentSince: undefined })
      }
      return back
    },
    /** Those whose time is over. */
    overdue: (): string[] => absentTombstones(db, clock.now() - KEPT_MS).map(({ sessionId }) => sessionId),
    /** Resolves when it is forgotten: from then on the id is simply unknown. */
    async drop(id: string): Promise<void> {
      await db.act((tx) => dropTombstone(tx, id))
      ids.delete(id)
      dying.delete(id)
    },
    [Symbol.dispose]: () => hearing[Symbol.dispose](),
  }
}
export type Tombstones = ReturnType<typeof createTombstones>

const DELETED = "this session was deleted"

const detailsOf = ({
  sessionId,
  title,
  deletedAt,
}: Pick<Tombstone, "sessionId" | "title" | "deletedAt">) => ({
  sessionId,
  deletedAt: iso(deletedAt),
  ...(title !== undefined && { title }),
})
