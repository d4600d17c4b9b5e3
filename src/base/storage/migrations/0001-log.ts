// The durable event log (base/events/log.ts).

import type { Migration } from "../migrate.ts"

export const log: Migration = {
  id: 1,
  name: "log",
  sql: `
-- One row. reserved: event numbers below it may have been used; rows and bytes: what log_rows holds.
CREATE TABLE log_meta (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  id TEXT NOT NULL,
  reserved INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT;

-- The events of one tick that share thread, scope and class. Event numbers are unique, so the first one names the row;
-- tick is the smallest number of its tick, and no number of another tick lies between a tick's.
CREATE TABLE log_rows (
  first INTEGER PRIMARY KEY,
  last INTEGER NOT NULL,
  tick INTEGER NOT NULL,
  thread TEXT NOT NULL,
  scope TEXT NOT NULL,
  class TEXT NOT NULL,
  at INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX log_rows_thread ON log_rows (thread, first);
CREATE INDEX log_rows_global ON log_rows (first) WHERE scope = 'global';
CREATE INDEX log_rows_delta ON log_rows (first) WHERE class = 'delta';

-- What no replay can show any more: the highest number that is gone, by kind; 'settled' is up to where a thread's deltas are finished.
CREATE TABLE log_marks (
  thread TEXT NOT NULL,
  scope TEXT NOT NULL,
  kind TEXT NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (thread, scope, kind)
) STRICT, WITHOUT ROWID;
`,
}
