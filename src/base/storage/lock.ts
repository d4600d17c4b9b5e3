// One daemon per data folder (decisions 10): an empty SQLite file held in an exclusive transaction, and the holder's pid in a
// text file beside it. The lock goes with the process, however it ends. It is not the database: an exclusive WAL database would
// lock out backup and doctor. Nothing else in the process may open and close lock.db: POSIX drops a file's locks with any handle.

import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { readText, removeFile, writePrivateUnflushed } from "../platform/files.ts"
import { isBusy } from "./sqlite.ts"

export interface DataLock {
  /** Lets the next one in. Keep the lock in reach until then: a collected handle is a lost lock. */
  release(): void
  [Symbol.dispose](): void
}

/**
 * Takes the lock of a data folder. Throws an Error that names the holder's pid and the folder when another process has it.
 * The pid is for people only: where there is no room to write it, `onUnnamed` hears why and the lock holds without.
 */
export function holdDataLock(
  folder: string,
  pid: number,
  onUnnamed: (error: unknown) => void = () => {},
): DataLock {
  const database = take(folder)
  if (!database) {
    const holder = readHolder(folder)
    const who = holder === undefined ? "another process" : `process ${holder}`
    throw new Error(`${folder} is in use by ${who}: stop it, or choose another data folder`)
  }
  try {
    writePrivateUnflushed(pidFile(folder), `${pid}\n`)
  } catch (error) {
    // Better no name than that of a daemon which was killed.
    removeFile(pidFile(folder))
    onUnnamed(error)
  }
  let held = true
  const release = (): void => {
    if (!held) return
    held = false
    removeFile(pidFile(folder))
    database.close()
  }
  return { release, [Symbol.dispose]: release }
}

/** The pid of the process that holds the folder; undefined when it is free. For doctor; never called by the holder itself. */
export function lockHolder(folder: string): number | undefined {
  const database = take(folder)
  database?.close()
  return database ? undefined : readHolder(folder)
}

function take(folder: string): DatabaseSync | undefined {
  const path = join(folder, "lock.db")
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path)
    // Without a journal file: beginning on an empty database would write one, and a full disk refuse the start.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE")
    return database
  } catch (error) {
    database?.close()
    if (isBusy(error)) return undefined
    throw new Error(`${path} can't be locked: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    })
  }
}

function readHolder(folder: string): number | undefined {
  const pid = Number.parseInt(readText(pidFile(folder)) ?? "", 10)
  return Number.isNaN(pid) ? undefined : pid
}

const pidFile = (folder: string): string => join(folder, "lock.pid")
