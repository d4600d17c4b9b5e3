// What starts jobs by itself: schedules and signed webhooks, and what came of each time.

import type { Migration } from "../migrate.ts"

export const triggers: Migration = {
  id: 17,
  name: "triggers",
  sql: `
CREATE TABLE schedules (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  cron TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  missed TEXT NOT NULL,
  overlap INTEGER NOT NULL,
  enabled INTEGER NOT NULL,
  kind TEXT NOT NULL,
  payload TEXT NOT NULL,
  next_at INTEGER,
  -- The instant that it was last due at, whether it ran or not: none is due twice.
  last_due_at INTEGER,
  last_job TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE hooks (
  name TEXT PRIMARY KEY,
  secret TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  kind TEXT NOT NULL,
  payload TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- "schedule:ID" or "hook:NAME".
CREATE TABLE trigger_runs (
  n INTEGER PRIMARY KEY,
  trigger TEXT NOT NULL,
  at INTEGER NOT NULL,
  due_at INTEGER,
  outcome TEXT NOT NULL,
  job TEXT,
  error TEXT,
  -- A signature that was taken once: it is not taken again.
  once TEXT
) STRICT;
CREATE INDEX trigger_runs_of ON trigger_runs (trigger, n);
CREATE UNIQUE INDEX trigger_runs_once ON trigger_runs (trigger, once) WHERE once IS NOT NULL;
`,
}
