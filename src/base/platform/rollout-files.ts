// Rollout files, in which Codex keeps its threads: found by name, read line by line, and never outside of the folders that
// they may be in.

import { createReadStream } from "node:fs"
import { lstat, readdir, realpath } from "node:fs/promises"
import { basename, join, sep } from "node:path"

export interface RolloutFile {
  path: string
  threadId: string
  /** What other files call it: of a branch its own id, else the thread's. */
  id: string
  archived: boolean
}

const UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
const NAME = new RegExp(`^rollout-.+?-(${UUID})(?:_(${UUID}))?\\.jsonl$`)

/**
 * The rollout files at or below `path`, by name. Undefined where it is in none of `folders`, by its real path: links lead nowhere
 * else. Empty where there is nothing.
 */
export async function findRollouts(
  path: string,
  folders: readonly string[],
): Promise<RolloutFile[] | undefined> {
  const allowed = (await Promise.all(folders.map(real))).filter((one) => one !== undefined)
  const at = await real(path)
  if (at === undefined) return folders.some((folder) => within(path, folder)) ? [] : undefined
  if (!allowed.some((folder) => within(at, folder))) return undefined
  const files = (await lstat(at)).isDirectory() ? await below(at) : [at]
  return files
    .flatMap((file) => rolloutOf(file) ?? [])
    .sort((a, b) => (basename(a.path) < basename(b.path) ? -1 : 1))
}

function rolloutOf(path: string): RolloutFile | undefined {
  const [, threadId, branch] = NAME.exec(basename(path)) ?? []
  if (threadId === undefined) return undefined
  return { path, threadId, id: branch ?? threadId, archived: path.includes(`${sep}archived_sessions${sep}`) }
}

/** Its lines, up to that byte. Throws RangeError for a line longer than `most` characters. */
export async function* readRollout(
  path: string,
  { until = Number.POSITIVE_INFINITY, most }: { until?: number | undefined; most: number },
): AsyncGenerator<string> {
  if (until <= 0) return
  let rest = ""
  // The last byte is counted in.
  const stream = createReadStream(path, { encoding: "utf8", end: until - 1 })
  for await (const chunk of stream) {
    const parts = (rest + String(chunk)).split("\n")
    rest = parts.pop() ?? ""
    if (rest.length > most) throw new RangeError(`a line is longer than ${most} characters`)
    yield* parts
  }
  if (rest !== "") yield rest
}

async function below(folder: string): Promise<string[]> {
  const files: string[] = []
  // A folder that we may not read has nothing for us.
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) files.push(...(await below(path)))
    else if (entry.isFile()) files.push(path)
  }
  return files
}

const within = (path: string, folder: string): boolean => path === folder || path.startsWith(folder + sep)
const real = (path: string): Promise<string | undefined> => realpath(path).catch(() => undefined)
