// Raw response items, where the operator wants them kept (domain/raw).

import type { Migration } from "../migrate.ts"

export const raw: Migration = {
  id: 21,
  name: "raw",
  sql: `
CREATE TABLE raw_items (
  n INTEGER PRIMARY KEY,
  session_id TEXT NOT NULL,
  turn_id TEXT,
  at INTEGER NOT NULL,
  -- Of the body as it is stored.
  size INTEGER NOT NULL,
  -- JSON as text, or deflated.
  body ANY NOT NULL
) STRICT;
CREATE INDEX raw_items_of_sessions ON raw_items (session_id, n);
CREATE INDEX raw_items_sizes ON raw_items (size);
CREATE TRIGGER raw_items_of_the_dead AFTER DELETE ON sessions
BEGIN DELETE FROM raw_items WHERE session_id = OLD.id; END;
`,
}
