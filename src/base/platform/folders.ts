// The few things that the command line does with files and folders.

import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs"
import { dirname } from "node:path"

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

/** Removes a folder and all in it; quiet when it is gone. A program that still writes there is waited for briefly. */
export function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
}

/** The permission bits, e.g. 0o700; undefined when there is nothing. */
export function modeOf(path: string): number | undefined {
  return existsSync(path) ? statSync(path).mode & 0o777 : undefined
}
