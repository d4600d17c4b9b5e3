// The sessions table: one row for every thread that we know of.

import type { Db, Reader, Row, Tx } from "../../base/storage/port.ts"
import type { Session } from "./session.ts"

const GET = `SELECT * FROM sessions WHERE id = ?`
const PUT = `INSERT INTO sessions (id, title, title_is_default, name, preview, materialized, archived, system_owned,
    project_id, model_provider, cwd, source, created_at, updated_at, thread, reconciled_run,
    inner_id, dynamic_tools, vanished)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET title = excluded.title, title_is_default = excluded.title_is_default,
    name = excluded.name, preview = excluded.preview, materialized = excluded.materialized,
    archived = excluded.archived, system_owned = excluded.system_owned, project_id = excluded.project_id,
    model_provider = excluded.model_provider, cwd = excluded.cwd, source = excluded.source,
    created_at = excluded.created_at, updated_at = excluded.updated_at, thread = excluded.thread,
    reconciled_run = excluded.reconciled_run, inner_id = excluded.inner_id, dynamic_tools = excluded.dynamic_tools,
    vanished = excluded.vanished`
const RENAMED = `SELECT id, inner_id FROM sessions WHERE inner_id IS NOT NULL`
const OF_PROJECT = `SELECT * FROM sessions WHERE project_id = ? AND system_owned = 0 ORDER BY updated_at DESC, id`
const FORGET = `DELETE FROM sessions WHERE id = ?`
const LISTED = `SELECT id FROM sessions WHERE materialized = 1 AND vanished = 0`
// Spelled as the partial indexes are, one for each: a page costs the same whatever else there is.
const PAGES = [
  `SELECT id, updated_at, created_at FROM sessions WHERE archived = ? AND vanished = 0 AND system_owned = 0`,
  `SELECT id, updated_at, created_at FROM sessions WHERE archived = ? AND vanished = 0`,
].map((from) => ({
  first: `${from} ORDER BY updated_at DESC, created_at DESC, id DESC LIMIT ?`,
  next: `${from} AND (updated_at, created_at, id) < (?, ?, ?) ORDER BY updated_at DESC, created_at DESC, id DESC LIMIT ?`,
}))

export interface Place {
  updatedAt: number
  createdAt: number
  id: string
}
export interface PageOf {
  archived: boolean
  includeSystemOwned: boolean
  limit: number
  after?: Place | undefined
}

/** The session and, where it has no controls of its own, the defaults. */
const REVISION = `SELECT (SELECT rev FROM session_revs WHERE session_id = ?) AS own,
  (SELECT rev FROM session_revs WHERE session_id = 'default') AS shared`

const MOST_KNOWN = 1_000

/**
 * The revision of a session: grows with everything that a read of it shows; triggers keep it. It is asked again and again, and
 * a quarter of a 304 was its look-up: what was read is kept until anything is written.
 */
export function createRevisions(db: Pick<Db, "get" | "changes">): (id: string) => string {
  const known = new Map<string, string>()
  let of = Number.NaN
  const read = (id: string): string => {
    const row = db.get(REVISION, id)
    return `${row?.own ?? 0}.${row?.shared ?? 0}`
  }
  return (id) => {
    if (of !== db.changes || known.size >= MOST_KNOWN) known.clear()
    of = db.changes
    const found = known.get(id) ?? read(id)
    known.set(id, found)
    return found
  }
}
export const readSession = (db: Reader, id: string): Session | undefined => sessionOf(db.get(GET, id))

/** Where the sessions of a page stand, newest first: read from an index alone. */
export function pageOfSessions(db: Reader, { archived, includeSystemOwned, limit, after }: PageOf): Place[] {
  const page = PAGES[Number(includeSystemOwned)]
  if (!page) return []
  const rows = after
    ? db.all(page.next, Number(archived), after.updatedAt, after.createdAt, after.id, limit)
    : db.all(page.first, Number(archived), limit)
  return rows.map((row) => ({
    id: row.id as string,
    updatedAt: row.updated_at as number,
    createdAt: row.created_at as number,
  }))
}

/** A project's user sessions, vanished ones too. */
export const sessionsOfProject = (db: Reader, projectId: string): Session[] =>
  db.all(OF_PROJECT, projectId).flatMap((row) => sessionOf(row) ?? [])
/** Those that the child's lists should hold. */
export const listedSessions = (db: Reader): string[] => db.all(LISTED).map((row) => row.id as string)
export const forgetSession = (tx: Tx, id: string): void => void tx.run(FORGET, id)

/** Sessions whose thread has another id in the child. */
export const renamedThreads = (db: Reader): { outer: string; inner: string }[] =>
  db.all(RENAMED).map((row) => ({ outer: row.id as string, inner: row.inner_id as string }))

export function writeSession(tx: Tx, s: Session): void {
  tx.run(
    PUT,
    s.id,
    s.title ?? null,
    Number(s.titleIsDefault),
    s.name ?? null,
    s.preview,
    Number(s.materialized),
    Number(s.archived),
    Number(s.systemOwned),
    s.projectId ?? null,
    s.modelProvider,
    s.cwd,
    s.source,
    s.createdAt,
    s.updatedAt,
    s.thread,
    s.reconciledRun ?? null,
    s.innerId ?? null,
    s.dynamicTools ?? null,
    Number(s.vanished),
  )
}

function sessionOf(row: Row | undefined): Session | undefined {
  if (!row) return undefined
  return {
    id: row.id as string,
    title: (row.title as string | null) ?? undefined,
    titleIsDefault: row.title_is_default === 1,
    name: (row.name as string | null) ?? undefined,
    preview: row.preview as string,
    materialized: row.materialized === 1,
    archived: row.archived === 1,
    systemOwned: row.system_owned === 1,
    projectId: (row.project_id as string | null) ?? undefined,
    modelProvider: row.model_provider as string,
    cwd: row.cwd as string,
    source: row.source as string,
    createdAt: row.created_at as number,
    updatedAt: row.updated_at as number,
    thread: row.thread as string,
    reconciledRun: (row.reconciled_run as string | null) ?? undefined,
    innerId: (row.inner_id as string | null) ?? undefined,
    dynamicTools: (row.dynamic_tools as string | null) ?? undefined,
    vanished: row.vanished === 1,
  }
}
