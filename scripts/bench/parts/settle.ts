// Loaded into a daemon under test beside its own program (BUN_OPTIONS=--preload): on a signal it collects all garbage and
// writes what is left into the file that SETTLED_FILE names. The product knows nothing of it.

import { heapStats } from "bun:jsc"
import { renameSync, writeFileSync } from "node:fs"

const file = process.env.SETTLED_FILE
if (file !== undefined)
  process.on("SIGUSR2", () => {
    // What finalizers let go is garbage of the second round.
    Bun.gc(true)
    setTimeout(() => {
      Bun.gc(true)
      const { heapSize, objectCount, objectTypeCounts } = heapStats()
      writeFileSync(`${file}.new`, JSON.stringify({ heapSize, objectCount, objectTypeCounts }))
      renameSync(`${file}.new`, file)
    }, 500)
  })
