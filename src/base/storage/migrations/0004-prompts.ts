// Kinds of turns and their other names, messages that wait for a turn, and idempotency keys.

import type { Migration } from "../migrate.ts"

// As for the other rooms: nothing is kept of a session that is gone.
const NOTHING_OF_THE_DEAD = ["prompts", "turn_aliases"]
  .map(
    (table) => `
CREATE TRIGGER no_${table}_of_the_dead BEFORE INSERT ON ${table}
WHEN EXISTS (SELECT 1 FROM tombstones WHERE session_id = NEW.session_id)
BEGIN SELECT RAISE(IGNORE); END;
`,
  )
  .join("")

export const prompts: Migration = {
  id: 4,
  name: "prompts",
  sql: `
ALTER TABLE turns ADD COLUMN kind TEXT NOT NULL DEFAULT 'message';
-- The tuple that it runs with, as JSON, where we started it.
ALTER TABLE turns ADD COLUMN controls TEXT;
-- Taken back: in no list any more, kept so that nothing brings it back.
ALTER TABLE turns ADD COLUMN rolled_back_at INTEGER;

-- A review is known to the child by a second id.
CREATE TABLE turn_aliases (
  session_id TEXT NOT NULL,
  alias TEXT NOT NULL,
  turn_id TEXT NOT NULL,
  PRIMARY KEY (session_id, alias)
) STRICT, WITHOUT ROWID;

CREATE TABLE prompts (
  id TEXT PRIMARY KEY,
  session_id TEXT NOT NULL,
  place INTEGER NOT NULL,
  text TEXT NOT NULL,
  overrides TEXT NOT NULL,
  state TEXT NOT NULL,
  tracked INTEGER NOT NULL,
  turn_id TEXT,
  reason TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX prompts_in_order ON prompts (session_id, place);
CREATE INDEX prompts_unsettled ON prompts (session_id) WHERE state IN ('queued', 'dispatched');

CREATE TABLE idempotency_keys (
  scope TEXT NOT NULL,
  key TEXT NOT NULL,
  id TEXT NOT NULL,
  body TEXT NOT NULL,
  tracked INTEGER NOT NULL,
  answer TEXT,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (scope, key)
) STRICT;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
${NOTHING_OF_THE_DEAD}`,
}
