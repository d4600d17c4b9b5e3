// What files and folders take on the disk, and what is left there. Nothing here throws: what can't be looked at is null.

import { readdirSync, statfsSync, statSync } from "node:fs"
import { join } from "node:path"

/** Bytes of a file; 0 where there is none. */
export function fileSize(path: string): number | null {
  return looked(() => statSync(path, { throwIfNoEntry: false })?.size ?? 0)
}

/** Bytes of all files in a folder and below; null if there are more than `most` of them. */
export function folderSize(path: string, most: number): number | null {
  let left = most
  const walk = (folder: string): number => {
    let bytes = 0
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (--left < 0) throw new Error("too many")
      const inner = join(folder, entry.name)
      if (entry.isDirectory()) bytes += walk(inner)
      // A file may go while the folder is read.
      else if (entry.isFile()) bytes += statSync(inner, { throwIfNoEntry: false })?.size ?? 0
    }
    return bytes
  }
  return looked(() => walk(path))
}

/** Bytes that we may still write there. */
export const freeBytes = (path: string): number | null =>
  looked(() => {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  })

function looked(look: () => number): number | null {
  try {
    return look()
  } catch {
    return null
  }
}
