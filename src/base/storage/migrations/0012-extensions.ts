// What extensions are still to be told, and who tried to reload them.

import type { Migration } from "../migrate.ts"

export const extensions: Migration = {
  id: 12,
  name: "extensions",
  sql: `
-- Written in the act that makes it true; not under the log's retention (decisions 26).
CREATE TABLE extension_offers (
  id INTEGER PRIMARY KEY,
  type TEXT NOT NULL,
  -- One offer per approval, one per turn.
  key TEXT NOT NULL UNIQUE,
  session_id TEXT NOT NULL,
  turn_id TEXT NOT NULL,
  -- The request and the item of an approval.
  request_id TEXT,
  item_id TEXT,
  source TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  -- Kept until the turn's own offer has been made: it counts them.
  delivered_at INTEGER
);
CREATE INDEX extension_offers_waiting ON extension_offers (id) WHERE delivered_at IS NULL;
CREATE INDEX extension_offers_of_turn ON extension_offers (session_id, turn_id);

-- Append-only: no statement of ours changes or removes a row.
CREATE TABLE extension_audit (
  n INTEGER PRIMARY KEY,
  record TEXT NOT NULL
);
`,
}
