// The runs of the child as rows: which process, in which boot, with which threads, so that a daemon started after a kill
// finds what the last one left. Also what was learned of each binary.

import type { Clock } from "../base/kit/clock.ts"
import type { Db } from "../base/storage/port.ts"
import { readHouse, runStatements, writeHouse } from "../domain/runs/store.ts"
import { renamedThreads } from "../domain/sessions/store.ts"
import { tombstoneIds } from "../domain/sessions/tombstones/store.ts"
import type { MethodCache } from "../engine/runtime/methods.ts"
import type { RunStore } from "../engine/runtime/reap.ts"
import type { Alias } from "../engine/runtime/threads/aliases.ts"

export const createRunStore = ({ db, clock }: { db: Db; clock: Clock }): RunStore => ({
  begin: (run) => db.act((tx) => runStatements.begin(tx, run)),
  spawned: (id, spawn) => db.act((tx) => runStatements.spawned(tx, id, spawn, clock.now())),
  thread: (id, threadId) => db.act((tx) => runStatements.thread(tx, id, threadId)),
  ended: (id) => db.act((tx) => runStatements.ended(tx, id, clock.now())),
  unfinished: () => runStatements.unfinished(db),
})

export const createMethodCache = (db: Db, onFault: (error: unknown) => void): MethodCache => ({
  get: (key) => runStatements.methods(db, key),
  put: (key, methods) => {
    db.act((tx) => runStatements.keepMethods(tx, key, methods)).catch(onFault)
  },
})

/** Threads that the child knows by another id, also those of deleted sessions: theirs must not come back under it. */
export function knownAliases(db: Db): Alias[] {
  const deleted = tombstoneIds(db).flatMap(({ outer, inner }) =>
    inner === undefined ? [] : [{ outer, inner }],
  )
  return [...renamedThreads(db), ...deleted]
}

/** This data folder's name for ever: it marks the processes of its runs. */
export async function houseIdOf(db: Db, fresh: string): Promise<string> {
  return readHouse(db, "id") ?? (await db.act((tx) => writeHouse(tx, "id", fresh)))
}
