// A session as text, piece by piece: JSONL that another daemon can take in, and Markdown for people. What was taken back is
// not in it, as it is in no transcript.

import { iso } from "../../../base/kit/clock.ts"
import type { Reader } from "../../../base/storage/port.ts"
import type { Controls } from "../../controls/tuple.ts"
import { type Session, titleOf } from "../session.ts"
import { type Line, type LineOf, VERSION } from "./lines.ts"
import { droppedBefore, entriesAfter, requestsAfter, turnsAfter, usageOf } from "./store.ts"

export interface ExportNeeds {
  db: Reader
  session: Session
  controls: Controls
  /** Epoch milliseconds. */
  now: number
}

/** Rows that are read at a time. */
const A_PAGE = 100

/** Lines of JSON, each with its line feed. */
export function* jsonLines(needs: ExportNeeds): Generator<string> {
  let lines = 0
  for (const line of linesOf(needs)) {
    lines++
    yield `${JSON.stringify(line)}\n`
  }
  yield `${JSON.stringify({ kind: "end", lines } satisfies Line)}\n`
}

function* linesOf({ db, session, controls, now }: ExportNeeds): Generator<Line> {
  yield headOf({ db, session, controls, now })
  const { id } = session
  yield* paged((last: LineOf<"turn"> | undefined) => turnsAfter(db, id, last?.place ?? -1, A_PAGE))
  yield* entriesIn(db, id)
  for (const { line } of paged((last: { n: number; line: Line } | undefined) =>
    requestsAfter(db, id, last?.n ?? -1, A_PAGE),
  ))
    yield line
  yield* usageOf(db, id)
}

const entriesIn = (db: Reader, id: string): Generator<LineOf<"entry">> =>
  paged((last: LineOf<"entry"> | undefined) => entriesAfter(db, id, last ?? { place: -1, spot: "" }, A_PAGE))

function* paged<T>(read: (last: T | undefined) => T[]): Generator<T> {
  for (let page = read(undefined); page.length > 0; page = page.length < A_PAGE ? [] : read(page.at(-1)))
    yield* page
}

function headOf({ db, session: s, controls, now }: ExportNeeds): LineOf<"session"> {
  // Where the child keeps it is this machine's own business.
  const { path: _path, turns: _turns, ...thread } = JSON.parse(s.thread) as Record<string, unknown>
  return {
    kind: "session",
    version: VERSION,
    id: s.id,
    exportedAt: iso(now),
    title: s.title ?? null,
    titleIsDefault: s.titleIsDefault,
    name: s.name ?? null,
    preview: s.preview,
    archived: s.archived,
    modelProvider: s.modelProvider,
    cwd: s.cwd,
    source: s.source,
    createdAt: s.createdAt,
    updatedAt: s.updatedAt,
    droppedBefore: droppedBefore(db, s.id),
    thread,
    controls: controls as LineOf<"session">["controls"],
  }
}

const WHO: Record<string, string> = { user: "You", assistant: "Codex" }

/** For people: what was said, and what was done in a line each, its details folded away. */
export function* markdown({ db, session, now }: ExportNeeds): Generator<string> {
  const { cwd, createdAt } = session
  yield `# ${oneLine(titleOf(session))}\n\n`
  yield `Session \`${session.id}\` in \`${cwd}\`, begun ${iso(createdAt * 1000)}, exported ${iso(now)}.\n`
  const dropped = droppedBefore(db, session.id)
  if (dropped !== null) yield `\n_What had ended up to ${iso(dropped)} was dropped for its age._\n`
  for (const line of entriesIn(db, session.id)) yield entryAsMarkdown(line)
}

function entryAsMarkdown({ entry, startedAt, completedAt, item }: LineOf<"entry">): string {
  const at = startedAt ?? completedAt
  const when = at === null ? "" : ` · ${iso(at)}`
  const state = entry.status === "complete" ? "" : ` · ${entry.status}`
  const who = WHO[entry.role]
  if (who) return `\n## ${who}${when}${state}\n\n${entry.content.trimEnd()}\n`
  const more = item ?? entry.details ?? undefined
  const line = `\n**${oneLine(entry.content)}**${when}${state}\n`
  if (more === undefined) return line
  return `${line}\n<details><summary>${entry.type.replace(/[<&]/g, "")}</summary>\n\n${fenced(pretty(more))}\n\n</details>\n`
}

/** A fence that the text doesn't hold. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = "`".repeat(longest + 1)
  return `${fence}json\n${text}\n${fence}`
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
const oneLine = (text: string): string => text.replace(/\s+/g, " ").replace(/\*\*/g, "").trim()
