// Projects, the agents' sessions, what was deleted, and what the child still has to be told.

import type { Migration } from "../migrate.ts"

/** The tables of rooms that hold something of a session, and the column that names it. */
const OF_A_SESSION = [
  ["sessions", "id"],
  ["controls", "scope"],
  ["turns", "session_id"],
  ["said", "session_id"],
  ["entries", "session_id"],
  ["requests", "session_id"],
] as const

// Work that was under way when its session was deleted may still want to write: nothing is kept of the dead.
const NOTHING_OF_THE_DEAD = OF_A_SESSION.map(
  ([table, column]) => `
CREATE TRIGGER no_${table}_of_the_dead BEFORE INSERT ON ${table}
WHEN EXISTS (SELECT 1 FROM tombstones WHERE session_id = NEW.${column})
BEGIN SELECT RAISE(IGNORE); END;
`,
).join("")

export const projects: Migration = {
  id: 3,
  name: "projects",
  sql: `
CREATE TABLE projects (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  -- The name as it is compared: unique without regard to case.
  name_key TEXT NOT NULL UNIQUE,
  working_directory TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

-- Which session works as which agent for an owner: a project's id, or session:ID.
CREATE TABLE agent_sessions (
  owner TEXT NOT NULL,
  agent TEXT NOT NULL,
  session_id TEXT NOT NULL,
  PRIMARY KEY (owner, agent)
) STRICT, WITHOUT ROWID;
CREATE INDEX agent_sessions_by_session ON agent_sessions (session_id);

-- Deleted sessions. absent_since: when a whole list of the child was first seen without the thread; null while it may be there.
CREATE TABLE tombstones (
  session_id TEXT PRIMARY KEY,
  title TEXT,
  inner_id TEXT,
  deleted_at INTEGER NOT NULL,
  absent_since INTEGER
) STRICT, WITHOUT ROWID;

-- What is true here and has still to become true in the child, in the order in which it was decided.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id TEXT NOT NULL,
  act TEXT NOT NULL,
  body TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX outbox_by_session ON outbox (session_id, id);

-- The child's disk doesn't have the thread any more: it is in no list, and can still be read.
ALTER TABLE sessions ADD COLUMN vanished INTEGER NOT NULL DEFAULT 0;
DROP INDEX sessions_by_update;
CREATE INDEX sessions_listed ON sessions (archived, updated_at DESC, created_at DESC, id DESC) WHERE vanished = 0;
CREATE INDEX sessions_shown ON sessions (archived, updated_at DESC, created_at DESC, id DESC)
  WHERE vanished = 0 AND system_owned = 0;
CREATE INDEX sessions_of_project ON sessions (project_id) WHERE project_id IS NOT NULL;
${NOTHING_OF_THE_DEAD}`,
}
