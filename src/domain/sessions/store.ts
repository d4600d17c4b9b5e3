// The sessions table: one row for every thread that we know of.

import type { Reader, Row, Tx } from "../../base/storage/port.ts"
import type { Session } from "./session.ts"

const GET = `SELECT * FROM sessions WHERE id = ?`
const PUT = `INSERT INTO sessions (id, title, title_is_default, name, preview, materialized, archived, system_owned,
    project_id, model_provider, cwd, source, created_at, updated_at, thread, reconciled_run,
    inner_id, dynamic_tools)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET title = excluded.title, title_is_default = excluded.title_is_default,
    name = excluded.name, preview = excluded.preview, materialized = excluded.materialized,
    archived = excluded.archived, system_owned = excluded.system_owned, project_id = excluded.project_id,
    model_provider = excluded.model_provider, cwd = excluded.cwd, source = excluded.source,
    created_at = excluded.created_at, updated_at = excluded.updated_at, thread = excluded.thread,
    reconciled_run = excluded.reconciled_run, inner_id = excluded.inner_id, dynamic_tools = excluded.dynamic_tools`
const RENAMED = `SELECT id, inner_id FROM sessions WHERE inner_id IS NOT NULL`
const SHOWN = `archived = ? AND (system_owned = 0 OR ?)`
const NEWEST_FIRST = `ORDER BY updated_at DESC, created_at DESC, id DESC LIMIT ?`
const FIRST_PAGE = `SELECT * FROM sessions WHERE ${SHOWN} ${NEWEST_FIRST}`
const NEXT_PAGE = `SELECT * FROM sessions WHERE ${SHOWN} AND (updated_at, created_at, id) < (?, ?, ?) ${NEWEST_FIRST}`

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

export const readSession = (db: Reader, id: string): Session | undefined => sessionOf(db.get(GET, id))

export function pageOfSessions(
  db: Reader,
  { archived, includeSystemOwned, limit, after }: PageOf,
): Session[] {
  const shown = [Number(archived), Number(includeSystemOwned)]
  const rows = after
    ? db.all(NEXT_PAGE, ...shown, after.updatedAt, after.createdAt, after.id, limit)
    : db.all(FIRST_PAGE, ...shown, limit)
  return rows.flatMap((row) => sessionOf(row) ?? [])
}

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
  }
}
