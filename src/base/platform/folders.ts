// The few things that the command line does with files and folders.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { freeBytes } from "./disk.ts"

export const exists = (path: string): boolean => existsSync(path)

/** True for a folder, or a link to one. */
export const isFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

/** A fresh empty folder, for its owner only, whose path begins with `prefix`. Parents are made. */
export function freshFolder(prefix: string): string {
  mkdirSync(dirname(prefix), { recursive: true, mode: 0o700 })
  return mkdtempSync(prefix)
}

export function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
}

/** A text file of a person's, as they would have made it. */
export const writeText = (path: string, text: string): void => writeFileSync(path, text)

/** Removes a folder and all in it; quiet when it is gone. A program that still writes there is waited for briefly. */
export function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
}

/** The permission bits, e.g. 0o700; undefined when there is nothing. */
export function modeOf(path: string): number | undefined {
  return existsSync(path) ? statSync(path).mode & 0o777 : undefined
}

/** Names of the folders in a folder, links to folders included, sorted; none where there is nothing. */
export function foldersIn(path: string): string[] {
  if (!isFolder(path)) return []
  return readdirSync(path)
    .filter((name) => isFolder(join(path, name)))
    .sort()
}

/** The folder without links; the path itself where there is nothing. */
export const realFolder = (path: string): string => (existsSync(path) ? realpathSync(path) : path)

const STAMPED = 500

/** Names, sizes and times of the files in a folder, not of its packages and hidden ones: changes when one of them does. */
export function stampOf(path: string): string {
  const stamps: string[] = []
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.name === "node_modules" || entry.name.startsWith(".") || stamps.length >= STAMPED) continue
      const file = join(folder, entry.name)
      if (entry.isDirectory()) walk(file)
      else if (entry.isFile()) {
        const { size, mtimeMs } = statSync(file)
        stamps.push(`${file}:${size}:${mtimeMs}`)
      }
    }
  }
  if (isFolder(path)) walk(path)
  return stamps.sort().join("\n")
}

const LOOKED_AT = 2_000

/** Files in a folder and below that others than their owner may read or write; links and what is no file are left out. */
export function looseFilesIn(path: string): string[] {
  const found: string[] = []
  let left = LOOKED_AT
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (--left < 0) return
      const inner = join(folder, entry.name)
      if (entry.isDirectory()) {
        // What a closed folder holds is closed.
        if ((statSync(inner).mode & 0o077) !== 0) walk(inner)
      } else if (entry.isFile() && (statSync(inner).mode & 0o077) !== 0) found.push(inner)
    }
  }
  if (isFolder(path) && (statSync(path).mode & 0o077) !== 0) walk(path)
  return found
}

/** Bytes left for us where the path is, or where it would be made; null where that can't be looked at. */
export function roomNear(path: string): number | null {
  if (existsSync(path)) return freeBytes(path)
  const above = dirname(path)
  return above === path ? null : roomNear(above)
}
