// A database that isn't there yet begins as a copy of a ready one, where the program carries one: written whole, in a
// millisecond or two, where the migrations would take twenty. It is made by those same migrations (scripts/build.ts).

import { existsSync } from "node:fs"
import { writePrivateBytes } from "../platform/files.ts"

/** What SQLite may have left beside a database that somebody took away; it would be played over the new one. */
const BESIDE = ["", "-wal", "-journal"]

/** Leaves everything to the migrations where there is anything, or no room. After a power cut it is there whole or not at all. */
export function beginDatabase(path: string, ready: () => Uint8Array): void {
  if (BESIDE.some((end) => existsSync(`${path}${end}`))) return
  try {
    writePrivateBytes(path, ready())
  } catch {
    // They say better what is wrong, and a full disk has an answer there.
  }
}
