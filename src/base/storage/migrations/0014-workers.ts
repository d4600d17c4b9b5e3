// Suggestions that were asked for, and what the sessions that work as agents know already.

import type { Migration } from "../migrate.ts"

export const workers: Migration = {
  id: 14,
  name: "workers",
  sql: `
CREATE TABLE suggestions (
  session_id TEXT NOT NULL,
  request_key TEXT NOT NULL,
  status TEXT NOT NULL,
  suggestion TEXT,
  error TEXT,
  -- 1 for a text of the daemon's own, where no worker gave one.
  fallback INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (session_id, request_key)
);
CREATE INDEX suggestions_by_age ON suggestions (updated_at);

-- What a worker's thread was made with: tools, policy, model, folder, as a hash. Another one makes it stale.
CREATE TABLE workers (
  session_id TEXT PRIMARY KEY,
  stamp TEXT NOT NULL
);
-- What it was told before its first job, by key, and a hash of the text.
CREATE TABLE worker_lessons (
  session_id TEXT NOT NULL,
  key TEXT NOT NULL,
  text_hash TEXT NOT NULL,
  PRIMARY KEY (session_id, key)
);
`,
}
