// Requests that outlive the child that asked: what was committed before the answer left, and the turn that carries them over.

import type { Migration } from "../migrate.ts"

export const requests: Migration = {
  id: 9,
  name: "requests",
  sql: `
-- Committed before a byte of the answer leaves: without it, nothing was written.
ALTER TABLE requests ADD COLUMN handing_at INTEGER;
-- The carry-over that it belongs to, committed before its turn is started, and that turn once it has begun.
ALTER TABLE requests ADD COLUMN carry_id TEXT;
ALTER TABLE requests ADD COLUMN carry_turn_id TEXT;

DROP INDEX requests_pending;
CREATE INDEX requests_unsettled ON requests (session_id, created_at)
  WHERE state IN ('open', 'claimed', 'orphaned', 'accepted-for-carry', 'carrying', 'indeterminate');
CREATE INDEX requests_by_age ON requests (state, created_at);
`,
}
