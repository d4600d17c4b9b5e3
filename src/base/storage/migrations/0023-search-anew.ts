// The search index anew: its documents' ids say how long they are, documents and what is still to take in stand by the number
// of their entry, and beginnings of two letters have lists of their own. What was indexed is taken in again, the newest first.

import type { Migration } from "../migrate.ts"

/** Not `OR IGNORE`: the writer's own ON CONFLICT is the rule for what its triggers write, too. */
const NOTE = `INSERT INTO search_pending SELECT NEW.seq WHERE NOT EXISTS (SELECT 1 FROM search_pending WHERE seq = NEW.seq)`

export const searchAnew: Migration = {
  id: 23,
  name: "search anew",
  sql: `
DROP TRIGGER search_entry_made;
DROP TRIGGER search_entry_changed;
DROP TRIGGER search_entry_gone;
DROP TRIGGER search_turn_taken_back;
DROP TRIGGER search_session_hidden;
DROP TABLE search_index;
DROP TABLE search_docs;
DROP TABLE search_pending;

-- Which entry a document of the index is. What its id says: domain/transcript/search/ids.ts.
CREATE TABLE search_docs (
  id INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL UNIQUE
) STRICT;
CREATE VIRTUAL TABLE search_index USING fts5(content, more, parts, tags, content = '', contentless_delete = 1,
  tokenize = 'unicode61 remove_diacritics 2', prefix = '2');
-- Blobs of 1900 bytes fit our pages of 2048.
INSERT INTO search_index (search_index, rank) VALUES ('pgsz', 1900);
-- How often a word stands where.
CREATE VIRTUAL TABLE search_words USING fts5vocab(search_index, instance);

CREATE TABLE search_pending (seq INTEGER PRIMARY KEY) STRICT;

CREATE TRIGGER search_entry_made AFTER INSERT ON entries WHEN NEW.status <> 'streaming'
BEGIN ${NOTE}; END;
-- Also when its turn is taken back: that hides it.
CREATE TRIGGER search_entry_changed AFTER UPDATE ON entries
WHEN NEW.status <> 'streaming' AND (OLD.status = 'streaming' OR OLD.json <> NEW.json OR OLD.item IS NOT NEW.item
  OR OLD.hidden <> NEW.hidden)
BEGIN ${NOTE}; END;
CREATE TRIGGER search_entry_gone AFTER DELETE ON entries
BEGIN
  DELETE FROM search_index WHERE rowid IN (SELECT id FROM search_docs WHERE seq = OLD.seq);
  DELETE FROM search_docs WHERE seq = OLD.seq;
  DELETE FROM search_pending WHERE seq = OLD.seq;
END;
CREATE TRIGGER search_session_hidden AFTER UPDATE OF system_owned ON sessions
WHEN OLD.system_owned <> NEW.system_owned
BEGIN
  INSERT INTO search_pending SELECT seq FROM entries AS e WHERE session_id = NEW.id
    AND NOT EXISTS (SELECT 1 FROM search_pending AS p WHERE p.seq = e.seq);
END;

-- Without a look at their states: those that stream are left out when their turn comes.
INSERT INTO search_pending SELECT seq FROM entries ORDER BY seq;
`,
}
