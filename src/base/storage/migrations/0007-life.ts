// What a session leaves in the child: the threads in whose place others answer, turns that are being taken back, and since
// when something waits to be told.

import type { Migration } from "../migrate.ts"

// As for the other rooms: nothing is kept of a session that is gone.
const NOTHING_OF_THE_DEAD = ["former_threads", "rollbacks"]
  .map(
    (table) => `
CREATE TRIGGER no_${table}_of_the_dead BEFORE INSERT ON ${table}
WHEN EXISTS (SELECT 1 FROM tombstones WHERE session_id = NEW.session_id)
BEGIN SELECT RAISE(IGNORE); END;
`,
  )
  .join("")

export const life: Migration = {
  id: 7,
  name: "life",
  sql: `
CREATE TABLE former_threads (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id TEXT NOT NULL,
  thread_id TEXT NOT NULL,
  path TEXT
) STRICT;
CREATE INDEX former_threads_of_session ON former_threads (session_id);

-- Written before the child is asked to take turns back, gone once our ledger has followed it: a kill in between is settled
-- by what the child's history says.
CREATE TABLE rollbacks (
  session_id TEXT PRIMARY KEY,
  turn_ids TEXT NOT NULL,
  mark TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE outbox ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
${NOTHING_OF_THE_DEAD}`,
}
