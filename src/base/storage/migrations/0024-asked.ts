// Who asked for a turn that no message began: a compaction, a review.

import type { Migration } from "../migrate.ts"

export const asked: Migration = {
  id: 24,
  name: "asked",
  sql: `
-- As the author of its entries: 'client:NAME'. Null where nobody is known.
ALTER TABLE turns ADD COLUMN asked_by TEXT;
`,
}
