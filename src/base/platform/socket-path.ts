// Where the owner's unix socket lies: in the data folder, or, where that path is too long for the kernel, in the user's
// runtime folder; then a text file in the data folder says where, so that a client needs to know the data folder only.

import { lstatSync, mkdirSync, rmSync } from "node:fs"
import { homedir, tmpdir, userInfo } from "node:os"
import { sha256 } from "./hash.ts"

/** The kernel's room for a path, less its last zero: 108 bytes on Linux, 104 on macOS. */
const LONGEST = process.platform === "darwin" ? 103 : 107

/** The socket's path, its folder made for its owner alone. Throws when the folder is anybody else's. */
export function placeForSocket(own: string, runtimeDir: string | undefined): string {
  const path = fits(own) ? own : elsewhere(own, runtimeDir)
  const folder = path.slice(0, path.lastIndexOf("/"))
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  mustBePrivate(folder)
  // Left by a daemon that was killed; whoever holds the data lock may take it away.
  rmSync(path, { force: true })
  return path
}

const fits = (path: string): boolean => new TextEncoder().encode(path).length <= LONGEST

function elsewhere(own: string, runtimeDir: string | undefined): string {
  const name = `${sha256(own).slice(0, 16)}.sock`
  const shelves = [
    ...(runtimeDir?.startsWith("/") ? [`${runtimeDir}/codexd`] : []),
    `${homedir()}/.cache/codexd/run`,
    `${tmpdir()}/codexd-${userInfo().uid}`,
  ]
  const found = shelves.map((shelf) => `${shelf}/${name}`).find(fits)
  if (found === undefined)
    throw new Error(`no folder is short enough for a unix socket: ${shelves.join(", ")}`)
  return found
}

/** A folder that somebody else made beforehand would be theirs to listen in. */
function mustBePrivate(folder: string): void {
  const stat = lstatSync(folder)
  if (!stat.isDirectory()) throw new Error(`${folder} is no folder`)
  if (stat.uid !== userInfo().uid) throw new Error(`${folder} belongs to another user`)
  if ((stat.mode & 0o077) !== 0) throw new Error(`${folder} is open to others: chmod 700 ${folder}`)
}
