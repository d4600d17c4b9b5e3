// Small files that must be right: private, whole or not there, and one block that can still be written when the disk is full.

import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs"
import { userInfo } from "node:os"
import { dirname } from "node:path"
import { newId } from "../kit/ids.ts"

/** The file's text, or undefined where there is none. */
export function readText(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined
}

/** Replaces the file whole: after a kill it holds the old text or the new one. Mode 0600. Throws an Error that names the file. */
export const writePrivate = (path: string, text: string): void =>
  writePrivateBytes(path, new TextEncoder().encode(text))

/** For what is worth nothing after a power cut: the same without waiting for the disk. */
export const writePrivateUnflushed = (path: string, text: string): void =>
  writePrivateBytes(path, new TextEncoder().encode(text), "unflushed")

export function writePrivateBytes(path: string, bytes: Uint8Array, how?: "unflushed"): void {
  const draft = `${path}.${newId()}.draft`
  try {
    const file = openSync(draft, "wx", 0o600)
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
      if (!how) fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(draft, path)
    if (!how) syncFolder(dirname(path))
  } catch (error) {
    rmSync(draft, { force: true })
    throw unwritten(path, error)
  }
}

/** Node's own message of a failing write says neither which file nor where. */
const unwritten = (path: string, error: unknown): Error =>
  new Error(`${path} can't be written: ${error instanceof Error ? error.message : error}`, { cause: error })

/** Makes the folder and its parents; it ends up 0700, whoever made it before. */
export function ensurePrivateFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  if ((statSync(path).mode & 0o777) !== 0o700) chmodSync(path, 0o700)
}

/**
 * Makes the folder ours alone; answers the permissions that it had if others could get in. Throws when it belongs to somebody
 * else, also behind a link: whoever owns it reads what is in it.
 */
export function claimFolder(path: string, uid = userInfo().uid): number | undefined {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const stat = statSync(path)
  if (!stat.isDirectory()) throw new Error(`${path} is no folder`)
  if (stat.uid !== uid) throw new Error(`${path} belongs to another user`)
  const mode = stat.mode & 0o777
  if (mode !== 0o700) chmodSync(path, 0o700)
  return (mode & 0o077) === 0 ? undefined : mode
}

/** The text of a file of ours alone, undefined where there is none; answers its permissions if others could read it, and mends them. */
export function readPrivate(
  path: string,
  uid = userInfo().uid,
): { text: string; wasOpen: number | undefined } | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (!stat) return undefined
  if (!stat.isFile()) throw new Error(`${path} is no file: what it leads to may be anybody's`)
  if (stat.uid !== uid) throw new Error(`${path} belongs to another user`)
  const mode = stat.mode & 0o777
  if ((mode & 0o077) === 0) return { text: readFileSync(path, "utf8"), wasOpen: undefined }
  chmodSync(path, 0o600)
  return { text: readFileSync(path, "utf8"), wasOpen: mode }
}

/** Removes a file; quiet when it is gone already. */
export const removeFile = (path: string): void => rmSync(path, { force: true })

/** A file of one block, allocated ahead and held open: writing it needs no room on the disk. */
export interface Block {
  /** What was written last, "" at first. */
  read(): string
  /** Overwrites in place and waits for the disk. At most 500 bytes, so that one sector takes it whole. */
  write(text: string): void
  [Symbol.dispose](): void
}

const BLOCK_BYTES = 4096
const TEXT_BYTES = 500

/** Opens the block at `path`, making it where it is missing. Needs room on the disk only then. */
export function openBlock(path: string): Block {
  const fresh = !existsSync(path) || statSync(path).size !== BLOCK_BYTES
  if (fresh) writePrivate(path, " ".repeat(BLOCK_BYTES))
  const file = openSync(path, "r+")
  return {
    read() {
      const bytes = new Uint8Array(TEXT_BYTES)
      readSync(file, bytes, 0, TEXT_BYTES, 0)
      return new TextDecoder().decode(bytes).trim()
    },
    write(text) {
      const bytes = new TextEncoder().encode(text.padEnd(TEXT_BYTES))
      if (bytes.length > TEXT_BYTES) throw new RangeError(`a block takes ${TEXT_BYTES} bytes`)
      try {
        writeSync(file, bytes, 0, TEXT_BYTES, 0)
        fsyncSync(file)
      } catch (error) {
        throw unwritten(path, error)
      }
    },
    [Symbol.dispose]: () => closeSync(file),
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, "r")
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
