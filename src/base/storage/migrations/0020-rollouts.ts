// Which thread an import was made of, where its own file was read: it comes in once.

import type { Migration } from "../migrate.ts"

export const rollouts: Migration = {
  id: 20,
  name: "rollouts",
  sql: `
ALTER TABLE imports ADD COLUMN thread_id TEXT;
CREATE UNIQUE INDEX imports_of_threads ON imports (thread_id) WHERE thread_id IS NOT NULL;
`,
}
