// Who asked for turns to be taken back: a kill in between doesn't lose it.

import type { Migration } from "../migrate.ts"

export const rollbackAsked: Migration = {
  id: 25,
  name: "rollback asked",
  sql: `
-- As turns.asked_by.
ALTER TABLE rollbacks ADD COLUMN asked_by TEXT;
`,
}
