// A backup in the database's place. What was there is moved aside, not thrown away, and the new one is there whole or not at
// all. The caller holds the folder's lock and has verified the file.

import { copyPrivate, dropFile, linkAway, moveAway, settle } from "../../platform/whole-files.ts"
import type { SqlDriver } from "../port.ts"

export interface RestoreNeeds {
  open(path: string): SqlDriver
  /** The backup. */
  from: string
  database: string
  /** Where the database that was there goes. */
  aside: string
  /** Makes the copy ready before it takes the place. */
  prepare(driver: SqlDriver): void
}

const BESIDE = ["-wal", "-shm"] as const

export function restore({ open, from, database, aside, prepare }: RestoreNeeds): void {
  const draft = `${database}.restored`
  for (const end of ["", ...BESIDE]) dropFile(`${draft}${end}`)
  try {
    copyPrivate(from, draft)
    const driver = open(draft)
    try {
      prepare(driver)
    } finally {
      driver.close()
    }
  } catch (error) {
    dropFile(draft)
    throw error
  }
  // Its journal, which a kill left, goes along with it: it may hold commits that are in no page yet.
  for (const end of BESIDE) moveAway(`${database}${end}`, `${aside}${end}`)
  // Under both names until the new one takes its place: there is a database at every moment.
  linkAway(database, aside)
  settle(draft, database)
}
