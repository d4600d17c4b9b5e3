// The files that Codex keeps of a thread, for binaries that can't delete one themselves (wire-contract §1.5).

import { lstat, readdir, rm } from "node:fs/promises"
import { basename, join, resolve, sep } from "node:path"

const SHELVES = ["sessions", "archived_sessions", "shell_snapshots"]
/** The shelf that no binary clears when a thread is deleted after the child that wrote it was killed (tried on 0.150, 0.169). */
export const SNAPSHOTS: readonly string[] = ["shell_snapshots"]

export interface ThreadFiles {
  codexHome: string
  /** The thread's ids: files whose name contains one of them are its own. */
  ids: readonly string[]
  /** Where the child said that the thread is kept. */
  path?: string | undefined
  /** Where else to look; everywhere without. */
  shelves?: readonly string[]
}

/** Removes every file of the thread in Codex's home, and nothing outside of it. Answers how many there were. */
export async function removeThreadFiles({
  codexHome,
  ids,
  path,
  shelves = SHELVES,
}: ThreadFiles): Promise<number> {
  const home = resolve(codexHome)
  const found = new Set<string>()
  for (const shelf of shelves) {
    for (const file of await filesIn(join(home, shelf)))
      if (ids.some((id) => basename(file).includes(id))) found.add(file)
  }
  if (path !== undefined && resolve(path).startsWith(home + sep)) found.add(resolve(path))
  let removed = 0
  for (const file of found) {
    if (!(await isFile(file))) continue
    await rm(file, { force: true })
    removed++
  }
  return removed
}

/** How many of the paths are files. */
export async function countFiles(paths: readonly string[]): Promise<number> {
  const found = await Promise.all(paths.map(isFile))
  return found.filter(Boolean).length
}

/** Where a rollout lies, or lies once it is archived. */
export const placesOfRollout = (codexHome: string, path: string): string[] => [
  path,
  join(codexHome, "archived_sessions", basename(path)),
]

/** Every file below. By hand: Bun's recursive reading follows links, also out of the home (tried). */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return []
    throw error
  })
  const files: string[] = []
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) files.push(...(await filesIn(path)))
    else if (entry.isFile()) files.push(path)
  }
  return files
}

const isFile = (path: string): Promise<boolean> =>
  lstat(path).then(
    (found) => found.isFile(),
    () => false,
  )
