// Who decided from where, until when a request waits, and the inbox of all that wait.

import type { Migration } from "../migrate.ts"

export const decisions: Migration = {
  id: 11,
  name: "decisions",
  sql: `
ALTER TABLE requests ADD COLUMN decided_from TEXT;
-- From then on the safe answer is given; null: it waits as long as it takes.
ALTER TABLE requests ADD COLUMN due_at INTEGER;
CREATE INDEX requests_due ON requests (due_at) WHERE due_at IS NOT NULL AND state IN ('open', 'orphaned');
-- The inbox is paged by age within a state; the method beside it lets a filter skip without reading rows.
DROP INDEX requests_by_age;
CREATE INDEX requests_by_age ON requests (state, created_at, id, method);
`,
}
