// Jobs: one row each, from the queue to its end, with what it said on the way.

import type { Migration } from "../migrate.ts"

export const jobs: Migration = {
  id: 13,
  name: "jobs",
  sql: `
CREATE TABLE jobs (
  -- The order in which they came. Heads, lists and cursors go by it.
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  version INTEGER NOT NULL,
  owner TEXT NOT NULL,
  source TEXT,
  lane TEXT NOT NULL,
  state TEXT NOT NULL,
  -- 1: not before next_attempt_at.
  waits INTEGER NOT NULL,
  dedupe_key TEXT,
  payload TEXT NOT NULL,
  result TEXT,
  error TEXT,
  attempt INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  claimed_by TEXT,
  lease_until INTEGER,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  last_attempt_at INTEGER,
  next_attempt_at INTEGER,
  cancel_requested_at INTEGER,
  completed_at INTEGER,
  context TEXT,
  progress TEXT,
  -- JSON: the attempts before the last one.
  history TEXT,
  retry_of TEXT
) STRICT;
CREATE INDEX jobs_ready ON jobs (owner, lane, type, n) WHERE state = 'queued' AND waits = 0;
CREATE INDEX jobs_delayed ON jobs (next_attempt_at) WHERE state = 'queued' AND waits = 1;
CREATE INDEX jobs_running ON jobs (owner, n) WHERE state = 'running';
CREATE INDEX jobs_finished ON jobs (owner, state, completed_at) WHERE completed_at IS NOT NULL;
CREATE INDEX jobs_by_key ON jobs (owner, type, dedupe_key) WHERE dedupe_key IS NOT NULL;

CREATE TABLE job_logs (
  job INTEGER NOT NULL,
  line INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  at INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (job, line)
) STRICT, WITHOUT ROWID;

-- '' is the whole queue.
CREATE TABLE job_pauses (type TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`,
}
