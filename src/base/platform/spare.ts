// Room on the disk that is ours already: a file that is given up when nothing else is left, so that a daemon still starts on a
// full disk (SQLite needs a few pages for its journal), and made again as soon as there is room.

import { existsSync } from "node:fs"
import { dirname } from "node:path"
import { freeBytes } from "./disk.ts"
import { writePrivateBytes } from "./files.ts"
import { cryptoModule } from "./slow-modules.ts"
import { dropFile } from "./whole-files.ts"

/** The largest that fits is made. */
const SIZES = [1 << 20, 1 << 18, 1 << 17]
/** Made only where that much is left besides: the last bytes of a disk are for what people wait for. */
const BESIDES = 16 << 20

export interface Spare {
  /** Makes it where it is missing; `anyway` also from the last that is left. */
  make(anyway?: "anyway"): void
  /** False where there is none. */
  give(): boolean
}

export function openSpare(path: string): Spare {
  return {
    make(anyway) {
      if (existsSync(path)) return
      const left = freeBytes(dirname(path)) ?? 0
      for (const size of SIZES) {
        if (anyway === undefined && left < size + BESIDES) return
        try {
          // Nothing that a file system could fold into nothing.
          writePrivateBytes(path, cryptoModule().randomFillSync(new Uint8Array(size)))
          return
        } catch {
          dropFile(path)
        }
      }
    },
    give() {
      if (!existsSync(path)) return false
      dropFile(path)
      return true
    },
  }
}
