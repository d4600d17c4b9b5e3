// What a turn was sent in place of the approval policy that was asked for.

import type { Migration } from "../migrate.ts"

export const controls: Migration = {
  id: 5,
  name: "controls",
  sql: `
-- {asked, sent, note} where the binary doesn't know the policy that was asked for.
ALTER TABLE turns ADD COLUMN policy TEXT;
`,
}
