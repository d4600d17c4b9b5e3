// Who may come in besides the owner.

import type { Migration } from "../migrate.ts"

export const tokens: Migration = {
  id: 19,
  name: "tokens",
  sql: `
CREATE TABLE api_tokens (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  -- token | browser
  kind TEXT NOT NULL,
  -- SHA-256 of 256 random bits: nothing to guess, so nothing to slow down.
  hash TEXT NOT NULL UNIQUE,
  -- Separated by commas.
  scopes TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  -- Behind by up to a minute: a request doesn't write.
  used_at INTEGER
);
`,
}
