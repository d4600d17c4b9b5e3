// The child's lists of threads, laid beside our own: threads made elsewhere appear, what was archived or named elsewhere is
// taken over, and those that are gone from its disk leave our list. What is decided here meanwhile stands.

import type { Log } from "../../../base/events/log.ts"
import { isFault } from "../../../base/fault.ts"
import type { Logger } from "../../../base/observe/logger.ts"
import type { Db, Tx } from "../../../base/storage/port.ts"
import { sessionCreated, sessionUpdated } from "../../../domain/events.ts"
import { type Session, type ThreadRecord, titleOf } from "../../../domain/sessions/session.ts"
import { listedSessions } from "../../../domain/sessions/store.ts"
import type { Rooms } from "../../rooms.ts"

export interface ListsNeeds {
  db: Db
  log: Log
  rooms: Rooms
  logger: Logger
}

interface Pass {
  /** Ids in the child's lists, as far as they were read. */
  listed: Set<string>
  /** Sessions that changed here while it was reading, or that the child was not told of before: the page may be older. */
  moved: Set<string>
  whole: boolean
}

export function createLists({ db, log, rooms, logger }: ListsNeeds) {
  const { sessions, tombstones } = rooms
  let running: Promise<void> = Promise.resolve()
  let queued: Promise<void> | undefined
  /** Before the first whole pass nobody can be told what is new. */
  let known = false

  /** Resolves when a whole pass that began after this call is over. Rejects with the child's fault. */
  function refresh(): Promise<void> {
    const begin = () => {
      queued = undefined
      running = read(true)
      return running
    }
    queued ??= running.then(begin, begin)
    return queued
  }

  async function read(whole: boolean): Promise<void> {
    const pass: Pass = { listed: new Set(), moved: new Set(rooms.outbox.allArchiving()), whole }
    using _hearing = log.onTold((events) => {
      for (const { type, thread } of events)
        if (thread !== null && type === "session.updated") pass.moved.add(thread)
    })
    for (const archived of [false, true]) await readList(pass, archived)
    if (!whole) return
    const missing = await db.act((tx) => {
      tombstones.seen(tx, pass.listed)
      return listedSessions(tx).filter((id) => !pass.listed.has(id))
    })
    for (const id of missing) if (!(await isThere(id))) await vanish(id)
    for (const id of tombstones.overdue()) if (!(await isThere(id))) await tombstones.drop(id)
    known = true
  }

  async function readList(pass: Pass, archived: boolean): Promise<void> {
    let cursor: string | null = null
    do {
      const page: Awaited<ReturnType<typeof rooms.codex.listThreads>> = await rooms.codex.listThreads({
        archived,
        cursor,
      })
      await db.act((tx) => {
        for (const thread of page.data) take(tx, pass, { thread, archived })
      })
      cursor = page.nextCursor
    } while (cursor !== null && pass.whole)
  }

  function take(
    tx: Tx,
    { listed, moved }: Pass,
    { thread, archived }: { thread: ThreadRecord; archived: boolean },
  ) {
    listed.add(thread.id)
    if (tombstones.has(thread.id, tx)) return
    const before = sessions.find(thread.id, tx)
    const ours = moved.has(thread.id) || rooms.outbox.archiving(tx, thread.id)
    const after = sessions.learn(tx, thread, { materialized: true, ...(!ours && { archived }) })
    const audience = sessions.audienceOf(after)
    if (!before) {
      if (known) log.append(tx, sessionCreated(audience, sessions.summary(after, tx)))
      return
    }
    const changed = seenChanges(before, after)
    if (changed.length > 0) log.append(tx, sessionUpdated(audience, after.id, changed))
  }

  /** Lists leave some threads out, those of other programs say: only one that can't be read is gone. */
  async function isThere(id: string): Promise<boolean> {
    try {
      await rooms.codex.readThread(id)
      return true
    } catch (error) {
      if (isFault(error, "not_found")) return false
      throw error
    }
  }

  function vanish(id: string): Promise<void> {
    logger.info("a thread is gone from the app-server's disk", { sessionId: id })
    return db.act((tx) => sessions.change(tx, id, { vanished: true }, ["vanished"]))
  }

  return {
    refresh,
    /** The newest page of each list: what happens elsewhere shows without anybody's asking. */
    glance: (): Promise<void> => read(false),
  }
}
export type Lists = ReturnType<typeof createLists>

function seenChanges(before: Session, after: Session): string[] {
  const changed: string[] = []
  if (titleOf(before) !== titleOf(after)) changed.push("title")
  if (before.archived !== after.archived) changed.push("archived")
  if (before.vanished !== after.vanished) changed.push("vanished")
  return changed
}
