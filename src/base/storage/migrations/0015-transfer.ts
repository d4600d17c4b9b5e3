// Sessions that came from an export: readable here, run nowhere (domain/sessions/transfer).

import type { Migration } from "../migrate.ts"

export const transfer: Migration = {
  id: 15,
  name: "transfer",
  sql: `
-- done: 0 while it is being taken in; what a kill left of one goes at the next start.
CREATE TABLE imports (
  session_id TEXT PRIMARY KEY,
  done INTEGER NOT NULL,
  imported_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER imports_of_the_dead AFTER DELETE ON sessions
BEGIN DELETE FROM imports WHERE session_id = OLD.id; END;
`,
}
