// The tables of the rooms: sessions, controls, turns, transcript, requests, and the runs of the child.

import type { Migration } from "../migrate.ts"

export const rooms: Migration = {
  id: 2,
  name: "rooms",
  sql: `
CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  title TEXT,
  title_is_default INTEGER NOT NULL,
  name TEXT,
  preview TEXT NOT NULL,
  materialized INTEGER NOT NULL,
  archived INTEGER NOT NULL,
  system_owned INTEGER NOT NULL,
  project_id TEXT,
  model_provider TEXT NOT NULL,
  cwd TEXT NOT NULL,
  source TEXT NOT NULL,
  created_at REAL NOT NULL,
  updated_at REAL NOT NULL,
  thread TEXT NOT NULL,
  reconciled_run TEXT,
  inner_id TEXT,
  dynamic_tools TEXT
) STRICT;
CREATE INDEX sessions_by_update ON sessions (archived, updated_at DESC, created_at DESC, id DESC);

CREATE TABLE controls (
  scope TEXT PRIMARY KEY,
  model TEXT,
  approval_policy TEXT NOT NULL,
  network_access TEXT NOT NULL,
  filesystem_sandbox TEXT NOT NULL,
  settings TEXT NOT NULL
) STRICT;

CREATE TABLE turns (
  session_id TEXT NOT NULL,
  id TEXT NOT NULL,
  place INTEGER NOT NULL,
  status TEXT NOT NULL,
  error TEXT,
  run_id TEXT,
  started_at INTEGER,
  completed_at INTEGER,
  PRIMARY KEY (session_id, id)
) STRICT;
CREATE INDEX turns_in_order ON turns (session_id, place);
CREATE INDEX turns_running ON turns (session_id) WHERE status = 'inProgress';

CREATE TABLE said (
  session_id TEXT NOT NULL,
  turn_id TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE INDEX said_to_turn ON said (session_id, turn_id);

CREATE TABLE entries (
  session_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  turn_id TEXT NOT NULL,
  place INTEGER NOT NULL,
  role TEXT NOT NULL,
  type TEXT NOT NULL,
  content TEXT NOT NULL,
  details TEXT,
  status TEXT NOT NULL,
  started_at INTEGER,
  completed_at INTEGER,
  item TEXT,
  PRIMARY KEY (session_id, message_id)
) STRICT;
CREATE INDEX entries_in_order ON entries (session_id, place);
CREATE INDEX entries_streaming ON entries (session_id, turn_id) WHERE status = 'streaming';

CREATE TABLE requests (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  method TEXT NOT NULL,
  session_id TEXT NOT NULL,
  turn_id TEXT,
  item_id TEXT,
  run_id TEXT NOT NULL,
  rpc_id TEXT NOT NULL,
  summary TEXT NOT NULL,
  params TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  state TEXT NOT NULL,
  decision TEXT,
  decided_by TEXT,
  decided_at INTEGER,
  handed_at INTEGER,
  reason TEXT
) STRICT;
CREATE INDEX requests_pending ON requests (session_id, created_at) WHERE state IN ('open', 'claimed');
CREATE UNIQUE INDEX requests_by_rpc ON requests (run_id, rpc_id);

CREATE TABLE runs (
  id TEXT PRIMARY KEY,
  started_at INTEGER NOT NULL,
  pid INTEGER,
  start_ticks TEXT,
  boot_id TEXT,
  ended_at INTEGER
) STRICT;
CREATE TABLE run_threads (
  run_id TEXT NOT NULL,
  thread_id TEXT NOT NULL,
  PRIMARY KEY (run_id, thread_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE binary_methods (
  binary TEXT PRIMARY KEY,
  methods TEXT NOT NULL
) STRICT;
CREATE TABLE house (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;
`,
}
