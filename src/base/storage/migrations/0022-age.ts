// Turns whose entries were dropped for their age (domain/turns/aging).

import type { Migration } from "../migrate.ts"

export const age: Migration = {
  id: 22,
  name: "age",
  sql: `
-- The number of the first event that may tell of it; the turn has ended then; 1: nothing of it is left.
ALTER TABLE turns ADD COLUMN dropped INTEGER;
ALTER TABLE turns ADD COLUMN dropped_until INTEGER;
ALTER TABLE turns ADD COLUMN dropped_done INTEGER NOT NULL DEFAULT 0;
CREATE INDEX turns_undropped ON turns (session_id, place) WHERE dropped_done = 0;
CREATE INDEX turns_dropped ON turns (session_id, dropped_until, dropped) WHERE dropped IS NOT NULL;
`,
}
