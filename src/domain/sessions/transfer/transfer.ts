// Sessions that go out as text and come in from it. What comes in is a session of its own, readable and found by search, and
// nothing is ever run in it: no app-server has its thread. It shows when its last line is in, whole or not at all.

import type { Log } from "../../../base/events/log.ts"
import { Fault } from "../../../base/fault.ts"
import type { Clock } from "../../../base/kit/clock.ts"
import { newId } from "../../../base/kit/ids.ts"
import type { Db, Reader, Tx } from "../../../base/storage/port.ts"
import type { ControlsRoom } from "../../controls/controls.ts"
import type { Controls } from "../../controls/tuple.ts"
import { sessionCreated } from "../../events.ts"
import type { SessionSummary } from "../session.ts"
import type { Sessions } from "../sessions.ts"
import { jsonLines, markdown } from "./export.ts"
import { type Line, type LineOf, readLine } from "./lines.ts"
import {
  beginImport,
  dropImport,
  finishImport,
  importOf,
  isImported,
  putDropped,
  putEntry,
  putRequest,
  putTurn,
  putUsage,
  unfinished,
} from "./store.ts"

export interface TransferNeeds {
  db: Db
  log: Log
  clock: Clock
  sessions: Sessions
  controls: ControlsRoom
}

/** Bytes of lines that one commit takes. */
const A_COMMIT = 1024 * 1024
/** States of requests in which nothing more becomes of them. */
const SETTLED: ReadonlySet<string> = new Set(["answered", "declined", "expired", "void"])

export function createTransfer({ db, log, clock, sessions, controls }: TransferNeeds) {
  /**
   * Takes the lines of an export in. Throws `invalid_import` with the number of the line that is wrong; nothing is kept then.
   * `threadId`: the thread that they were made of, where it comes in once only.
   */
  async function take(lines: AsyncIterable<string>, threadId?: string): Promise<SessionSummary> {
    const id = newId()
    await db.act((tx) => beginImport(tx, { id, threadId, at: clock.now() }))
    try {
      const head = await fill(id, lines)
      return await db.act((tx) => finish(tx, id, head))
    } catch (error) {
      await db.act((tx) => dropImport(tx, id))
      throw error
    }
  }

  async function fill(id: string, lines: AsyncIterable<string>): Promise<LineOf<"session">> {
    let head: LineOf<"session"> | undefined
    let ended = false
    let n = 0
    let batch: { line: Line; n: number }[] = []
    let bytes = 0
    const flush = async (): Promise<void> => {
      const full = batch
      batch = []
      bytes = 0
      await db.act((tx) => {
        for (const one of full) put(tx, id, one)
      })
    }
    for await (const text of lines) {
      n++
      const line = readLine(text)
      if (typeof line === "string") throw wrong(n, line)
      if (ended) throw wrong(n, "stands behind the end")
      if ((line.kind === "session") !== (n === 1))
        throw wrong(n, "the first line, and only that, is the session's")
      if (line.kind === "session") head = line
      else if (line.kind === "end") {
        if (line.lines !== n - 1) throw wrong(n, `says ${line.lines} lines where there are ${n - 1}`)
        ended = true
      } else batch.push({ line, n })
      bytes += text.length
      if (bytes > A_COMMIT) await flush()
    }
    if (!head || !ended) throw wrong(n + 1, "is missing: the file was cut off")
    await flush()
    return head
  }

  function put(tx: Tx, id: string, { line, n }: { line: Line; n: number }): void {
    try {
      if (line.kind === "turn") putTurn(tx, id, closedTurn(line))
      else if (line.kind === "entry") putEntry(tx, id, closedEntry(line), log.next())
      else if (line.kind === "request") putRequest(tx, id, closedRequest(line), newId())
      else if (line.kind === "usage") putUsage(tx, id, line)
    } catch (error) {
      if (error instanceof Error && /constraint/i.test(error.message))
        throw wrong(n, "stands for the second time")
      throw error
    }
  }

  function finish(tx: Tx, id: string, head: LineOf<"session">): SessionSummary {
    const {
      title,
      titleIsDefault,
      name,
      preview,
      archived,
      modelProvider,
      cwd,
      source,
      createdAt,
      updatedAt,
    } = head
    sessions.learn(tx, { ...head.thread, id, path: null })
    sessions.change(tx, id, {
      title: title ?? undefined,
      titleIsDefault,
      name: name ?? undefined,
      preview,
      archived,
      modelProvider,
      cwd,
      source,
      createdAt,
      updatedAt,
    })
    controls.keep(tx, id, head.controls as Controls)
    if (head.droppedBefore != null)
      putDropped(tx, id, { until: head.droppedBefore, at: clock.now(), changed: log.next() })
    finishImport(tx, id)
    const made = sessions.find(id, tx)
    if (!made) throw new Error("an imported session is not there")
    const summary = sessions.summary(made, tx)
    log.append(tx, sessionCreated(sessions.audienceOf(made), summary))
    return summary
  }

  return {
    take,
    /** The session as text, piece by piece. Throws `session_not_found`. */
    give(id: string, format: "jsonl" | "markdown"): Generator<string> {
      const session = sessions.find(id)
      if (!session) throw new Fault("session_not_found", "no such session", { sessionId: id })
      const needs = { db, session, controls: controls.of(id), now: clock.now() }
      return format === "jsonl" ? jsonLines(needs) : markdown(needs)
    },
    /** The session that was made of the thread's own file, or for which the thread answers. */
    importOf: (threadId: string): string | undefined => importOf(db, threadId),
    /** Why nothing can be done in a session that came from elsewhere; undefined for others. */
    refusal: (id: string, reader: Reader = db): Fault | undefined =>
      isImported(reader, id)
        ? new Fault(
            "session_read_only",
            "this session was imported: it can be read, and nothing runs in it",
            {
              sessionId: id,
            },
          )
        : undefined,
    /** What a kill left of imports goes. Once, at the start. */
    async sweep(): Promise<void> {
      for (const id of unfinished(db)) await db.act((tx) => dropImport(tx, id))
    },
  }
}
export type Transfer = ReturnType<typeof createTransfer>

const wrong = (line: number, why: string): Fault =>
  new Fault("invalid_import", `line ${line} ${why}`, {
    line,
    issues: [{ code: "custom", path: [line], message: why }],
  })

/** Nothing runs in an import: what did when it was exported was cut off there. */
const closedTurn = (turn: LineOf<"turn">): LineOf<"turn"> =>
  turn.status === "inProgress" ? { ...turn, status: "interrupted" } : turn
const closedEntry = (line: LineOf<"entry">): LineOf<"entry"> =>
  line.status === "streaming"
    ? { ...line, status: "canceled", entry: { ...line.entry, status: "canceled" } }
    : line
const closedRequest = (request: LineOf<"request">): LineOf<"request"> =>
  SETTLED.has(request.state)
    ? request
    : { ...request, state: "expired", reason: request.reason ?? "not settled when it was exported" }
