// The ledger's rows hold their entry as clients read it and where it stands, so that reading is only joining; and a counter
// for each session of everything that a read of it shows.

import type { Migration } from "../migrate.ts"

const ENTRIES = `
CREATE TABLE entries_now (
  -- Given on first insertion; never changes.
  seq INTEGER PRIMARY KEY,
  session_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  turn_id TEXT NOT NULL,
  -- Of its turn in the session. Those of turns that nobody runs come last.
  place INTEGER NOT NULL,
  -- Within the turn; ordered as text (domain/transcript/spots.ts).
  spot TEXT NOT NULL,
  role TEXT NOT NULL,
  type TEXT NOT NULL,
  -- As it was written; what is shown stands in json.
  status TEXT NOT NULL,
  -- Who wrote it, where the role doesn't say.
  author TEXT,
  started_at INTEGER,
  completed_at INTEGER,
  -- Of a turn that was taken back.
  hidden INTEGER NOT NULL DEFAULT 0,
  -- The entry that it is about, where it stands for no item.
  anchor TEXT,
  -- The number of the first event that may tell of its last change.
  changed INTEGER NOT NULL,
  json TEXT NOT NULL,
  -- The app-server's item as JSON, where it stands for one.
  item TEXT,
  content TEXT GENERATED ALWAYS AS (json ->> '$.content') VIRTUAL,
  details TEXT GENERATED ALWAYS AS (json ->> '$.details') VIRTUAL,
  UNIQUE (session_id, message_id)
) STRICT;
INSERT INTO entries_now (seq, session_id, message_id, turn_id, place, spot, role, type, status, started_at, completed_at,
    hidden, changed, json, item)
  SELECT e.rowid, e.session_id, e.message_id, e.turn_id, e.place,
    printf('%08db', row_number() OVER (PARTITION BY e.session_id, e.place ORDER BY e.rowid)),
    e.role, e.type, e.status, e.started_at, e.completed_at,
    EXISTS (SELECT 1 FROM turns AS t WHERE t.session_id = e.session_id AND t.id = e.turn_id AND t.rolled_back_at IS NOT NULL), 0,
    json_patch('{}', json_object('messageId', e.message_id, 'turnId', e.turn_id, 'role', e.role, 'type', e.type,
      'content', e.content, 'details', e.details, 'startedAt', e.started_at, 'completedAt', e.completed_at, 'status', e.status)),
    e.item
  FROM entries AS e;
DROP TRIGGER search_turn_taken_back;
DROP TRIGGER search_session_hidden;
DROP TABLE entries;
ALTER TABLE entries_now RENAME TO entries;
CREATE INDEX entries_in_order ON entries (session_id, place, spot);
CREATE INDEX entries_of_turn ON entries (session_id, turn_id, place, spot);
CREATE INDEX entries_changed ON entries (session_id, changed);
CREATE INDEX entries_streaming ON entries (session_id, turn_id) WHERE status = 'streaming';
CREATE INDEX entries_anchored ON entries (session_id, anchor) WHERE anchor IS NOT NULL;
CREATE TRIGGER no_entries_of_the_dead BEFORE INSERT ON entries
WHEN EXISTS (SELECT 1 FROM tombstones WHERE session_id = NEW.session_id)
BEGIN SELECT RAISE(IGNORE); END;

CREATE TRIGGER entries_of_turn_taken_back AFTER UPDATE OF rolled_back_at ON turns
WHEN OLD.rolled_back_at IS NOT NEW.rolled_back_at
BEGIN
  UPDATE entries SET hidden = NEW.rolled_back_at IS NOT NULL WHERE session_id = NEW.session_id AND turn_id = NEW.id;
END;
`

// As in 0006: they went with the old table, or named it.
const SEARCHED = `
CREATE TRIGGER search_entry_made AFTER INSERT ON entries WHEN NEW.status <> 'streaming'
BEGIN INSERT OR IGNORE INTO search_pending VALUES (NEW.session_id, NEW.message_id); END;
CREATE TRIGGER search_entry_changed AFTER UPDATE ON entries
WHEN NEW.status <> 'streaming' AND (OLD.status = 'streaming' OR OLD.json <> NEW.json OR OLD.item IS NOT NEW.item
  OR OLD.hidden <> NEW.hidden)
BEGIN INSERT OR IGNORE INTO search_pending VALUES (NEW.session_id, NEW.message_id); END;
CREATE TRIGGER search_entry_gone AFTER DELETE ON entries
BEGIN
  DELETE FROM search_index WHERE rowid IN
    (SELECT id FROM search_docs WHERE session_id = OLD.session_id AND message_id = OLD.message_id);
  DELETE FROM search_docs WHERE session_id = OLD.session_id AND message_id = OLD.message_id;
  DELETE FROM search_pending WHERE session_id = OLD.session_id AND message_id = OLD.message_id;
END;
CREATE TRIGGER search_turn_taken_back AFTER UPDATE OF rolled_back_at ON turns
WHEN OLD.rolled_back_at IS NOT NEW.rolled_back_at
BEGIN
  INSERT OR IGNORE INTO search_pending SELECT session_id, message_id FROM entries
    WHERE session_id = NEW.session_id AND turn_id = NEW.id;
END;
CREATE TRIGGER search_session_hidden AFTER UPDATE OF system_owned ON sessions
WHEN OLD.system_owned <> NEW.system_owned
BEGIN
  INSERT OR IGNORE INTO search_pending SELECT session_id, message_id FROM entries WHERE session_id = NEW.id;
END;
`

/** What a session's answer is made of, and the column that names the session (for controls its scope). */
const SHOWN = [
  ["sessions", "id"],
  ["controls", "scope"],
  ["turns", "session_id"],
  ["entries", "session_id"],
] as const

// By triggers, so that no writer can forget it.
const COUNTED = SHOWN.flatMap(([table, column]) =>
  (["INSERT", "UPDATE", "DELETE"] as const).map(
    (verb) => `
CREATE TRIGGER ${table}_${verb.toLowerCase()}_counts AFTER ${verb} ON ${table} BEGIN
  INSERT INTO session_revs (session_id, rev) VALUES (${verb === "DELETE" ? "OLD" : "NEW"}.${column}, 1)
  ON CONFLICT (session_id) DO UPDATE SET rev = rev + 1;
END;
`,
  ),
).join("")

export const transcript: Migration = {
  id: 8,
  name: "transcript",
  sql: `${ENTRIES}${SEARCHED}
CREATE TABLE session_revs (
  session_id TEXT PRIMARY KEY,
  rev INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
${COUNTED}`,
}
