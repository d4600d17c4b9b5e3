// Who changed what. Only ever added to, and shortened at its old end.

import type { Migration } from "../migrate.ts"

export const audit: Migration = {
  id: 16,
  name: "audit",
  sql: `
CREATE TABLE audit_trail (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  who TEXT NOT NULL,
  via TEXT NOT NULL,
  origin TEXT NOT NULL,
  method TEXT NOT NULL,
  route TEXT NOT NULL,
  session_id TEXT,
  params TEXT NOT NULL,
  status INTEGER,
  result TEXT NOT NULL,
  ms REAL NOT NULL,
  request_id TEXT
) STRICT;
CREATE INDEX audit_by_time ON audit_trail (at);
CREATE INDEX audit_of_session ON audit_trail (session_id, n) WHERE session_id IS NOT NULL;
`,
}
