// Threads from rollout files that no child of ours knows come in as sessions that can be read: each once, by its thread's id.

import { isFault } from "../../base/fault.ts"
import type { Clock } from "../../base/kit/clock.ts"
import { findRollouts, type RolloutFile, readRollout } from "../../base/platform/rollout-files.ts"
import type { SessionSummary } from "../../domain/sessions/session.ts"
import type { Rooms } from "../rooms.ts"
import { fieldsOf, parsed, textOf } from "./fields.ts"
import { linesOf } from "./lines.ts"
import { createPastThread, type PastLine, type PastThread } from "./thread.ts"

export interface RolloutsNeeds {
  rooms: Pick<Rooms, "sessions" | "tombstones" | "transfer" | "controls">
  clock: Clock
  /** Where rollout files may lie; absolute. The first is looked through when nothing else is asked for. */
  folders: readonly string[]
}

export interface AskRollouts {
  /** A file or a folder, absolute. */
  path?: string | undefined
  /** New sessions at most; what is left is for the next call. */
  limit: number
}

export interface ImportedRollouts {
  imported: { path: string; threadId: string; session: SessionSummary }[]
  /** Sessions of ours already, of the child's own or from an earlier import. */
  known: { path: string; threadId: string; sessionId: string }[]
  skipped: { path: string; threadId: string; reason: string }[]
  left: number
}

const LONGEST_LINE = 64 * 1024 * 1024
/** Files that begin in the middle of another one that begins in the middle of another one … */
const MOST_BASES = 100

export function createRollouts({ rooms, clock, folders }: RolloutsNeeds) {
  let last: Promise<unknown> = Promise.resolve()

  /** Undefined for a path that is in none of the folders. One call at a time. */
  function take(ask: AskRollouts): Promise<ImportedRollouts | undefined> {
    const work = last.then(() => takeNow(ask))
    last = work.catch(() => {})
    return work
  }

  async function takeNow({ path, limit }: AskRollouts): Promise<ImportedRollouts | undefined> {
    const files = await findRollouts(path ?? folders[0] ?? "/", folders)
    if (!files) return undefined
    const answer: ImportedRollouts = { imported: [], known: [], skipped: [], left: 0 }
    // Of a thread with several files the last one is how it stands.
    const newest = new Map(files.map((file) => [file.threadId, file]))
    const bases = new Map((await besides(files)).map((file) => [file.id, file]))
    for (const file of newest.values()) {
      const { threadId } = file
      const about = { path: file.path, threadId }
      const sessionId = knownAs(threadId)
      if (sessionId !== undefined) answer.known.push({ ...about, sessionId })
      else if (rooms.tombstones.has(threadId))
        answer.skipped.push({ ...about, reason: "its session was deleted here" })
      else if (answer.imported.length === limit) answer.left++
      else {
        const made = await takeOne(file, bases)
        if (typeof made === "string") answer.skipped.push({ ...about, reason: made })
        else answer.imported.push({ ...about, session: made })
      }
    }
    return answer
  }

  /** All files that one of these may begin in. */
  const besides = async (files: RolloutFile[]): Promise<RolloutFile[]> =>
    files.length === 0
      ? []
      : (await Promise.all(folders.map((folder) => findRollouts(folder, folders)))).flatMap(
          (some) => some ?? [],
        )

  const knownAs = (threadId: string): string | undefined =>
    rooms.sessions.find(threadId)?.id ?? rooms.transfer.importOf(threadId)

  /** The session, or why there is none. */
  async function takeOne(
    file: RolloutFile,
    bases: ReadonlyMap<string, RolloutFile>,
  ): Promise<SessionSummary | string> {
    try {
      const thread = await readThread(file, bases)
      if (typeof thread === "string") return thread
      const defaults = rooms.controls.defaults()
      const lines = linesOf({ thread, archived: file.archived, defaults, now: clock.now() })
      return await rooms.transfer.take(asText(lines), file.threadId)
    } catch (error) {
      if (error instanceof RangeError || isFault(error, "invalid_import")) return error.message
      throw error
    }
  }

  return { take, folders }
}
export type Rollouts = ReturnType<typeof createRollouts>

async function readThread(
  file: RolloutFile,
  bases: ReadonlyMap<string, RolloutFile>,
): Promise<PastThread | string> {
  const pieces: { path: string; until: number | undefined }[] = [{ path: file.path, until: undefined }]
  for (let at: string = file.path; ; ) {
    const { source, history_base } = await metaOf(at)
    if (at === file.path && fieldsOf(source).subagent !== undefined)
      return "it belongs to another thread: a review's or a helper's"
    const { thread_id, end_byte_offset } = fieldsOf(history_base)
    if (thread_id === undefined) break
    const base = bases.get(textOf(thread_id))
    if (!base || pieces.length > MOST_BASES) return "the file that it goes on from is not there"
    pieces.push({ path: base.path, until: Number(end_byte_offset) || 0 })
    at = base.path
  }
  const thread = createPastThread()
  // The meta of the thread itself is the one that counts.
  thread.take({ at: 0, type: "session_meta", payload: await metaOf(file.path) })
  for (const { path, until } of pieces.toReversed())
    for await (const text of readRollout(path, { until, most: LONGEST_LINE })) {
      const line = lineOf(text)
      if (line) thread.take(line)
    }
  const told = thread.told()
  if (told.turns.length === 0) return "nothing was said in it"
  return told
}

async function metaOf(path: string): Promise<Record<string, unknown>> {
  for await (const text of readRollout(path, { most: LONGEST_LINE })) {
    const line = lineOf(text)
    return line?.type === "session_meta" ? line.payload : {}
  }
  return {}
}

/** A line that a kill cut off is none. */
function lineOf(text: string): PastLine | undefined {
  if (text === "") return undefined
  const { timestamp, type, payload } = fieldsOf(parsed(text))
  return { at: Date.parse(textOf(timestamp)) || 0, type: textOf(type), payload: fieldsOf(payload) }
}

async function* asText(lines: Iterable<object>): AsyncGenerator<string> {
  for (const line of lines) yield JSON.stringify(line)
}
