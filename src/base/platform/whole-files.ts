// Large files that must be right: written beside their place, flushed, and put there in one step; and what they are by hash.

import {
  closeSync,
  copyFileSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { cryptoModule } from "./slow-modules.ts"

/** An empty file for its owner alone. Throws where there is one already. */
export function openDraft(path: string): void {
  closeSync(openSync(path, "wx", 0o600))
}

/** Moves a finished file to its place, flushed: after a power cut it is there whole or not at all. */
export function settle(draft: string, path: string): void {
  flush(draft)
  renameSync(draft, path)
  flush(dirname(path))
}

/** A copy beside nothing else of its name, for its owner alone. */
export function copyPrivate(from: string, to: string): void {
  openDraft(to)
  copyFileSync(from, to)
}

/** Moves what is there; quiet where there is nothing. */
export function moveAway(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error
  }
}

/** Gives what is there another name beside its own; where a file system can't do that it has the other name alone. */
export function linkAway(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch {
    moveAway(from, to)
  }
}

export const dropFile = (path: string): void => rmSync(path, { force: true })

const CHUNK = 1 << 20

/** SHA-256 of the content, in hex. */
export function sha256Of(path: string): string {
  const hash = cryptoModule().createHash("sha256")
  const file = openSync(path, "r")
  try {
    const chunk = new Uint8Array(CHUNK)
    for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk))
      hash.update(chunk.subarray(0, read))
  } finally {
    closeSync(file)
  }
  return hash.digest("hex")
}

function flush(path: string): void {
  const file = openSync(path, "r")
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Removes all but the files that changed last of those so named, and what lies beside them. */
export function keepNewest(
  folder: string,
  { begins, ends, keep, beside }: { begins: string; ends: string; keep: number; beside: string[] },
): void {
  const files = readdirSync(folder)
    .filter((name) => name.startsWith(begins) && name.endsWith(ends))
    .map((name) => ({ path: join(folder, name), at: statSync(join(folder, name)).mtimeMs }))
    .sort((a, b) => b.at - a.at)
  for (const { path } of files.slice(keep)) for (const end of ["", ...beside]) dropFile(`${path}${end}`)
}
