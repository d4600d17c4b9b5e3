// What the daemon takes on the disk, and how much is left. Looked at now and then, not at every question.

import type { Places } from "../config/places.ts"
import { pages } from "../events/rows/store.ts"
import type { Clock } from "../kit/clock.ts"
import { fileSize, folderSize, freeBytes } from "../platform/disk.ts"
import type { Reader } from "../storage/port.ts"

export interface DiskNeeds {
  db: Reader
  clock: Clock
  dataDir: string
  places: Pick<Places, "database" | "logs">
}

/** A look is good for so long. */
const GOOD_MS = 5_000
/** Beyond that the data folder holds what isn't ours, and counting it would take too long. */
const MOST_FILES = 5_000
/** Less than that is soon nothing. */
export const SCARCE_BYTES = 256 * 1024 * 1024

export function createDisk({ db, clock, dataDir, places }: DiskNeeds) {
  let last: { at: number; report: ReturnType<typeof look> } | undefined

  function look() {
    const { free, pageSize } = pages(db)
    return {
      databaseBytes: fileSize(places.database),
      /** Of the database: used again by what is written next. */
      databaseFreeBytes: free * pageSize,
      walBytes: fileSize(`${places.database}-wal`),
      logsBytes: folderSize(places.logs, MOST_FILES),
      dataDirBytes: folderSize(dataDir, MOST_FILES),
      freeBytes: freeBytes(dataDir),
    }
  }

  return {
    report() {
      const at = clock.mono()
      if (!last || at - last.at > GOOD_MS) last = { at, report: look() }
      return last.report
    },
    isScarce(): boolean {
      const { freeBytes: left } = this.report()
      return left !== null && left < SCARCE_BYTES
    },
  }
}
export type Disk = ReturnType<typeof createDisk>
