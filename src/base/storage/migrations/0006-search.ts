// The search index over the transcript, and which entries it still has to take in (domain/transcript/search).

import type { Migration } from "../migrate.ts"

export const search: Migration = {
  id: 6,
  name: "search",
  sql: `
-- Which entry a document of the index is. Its id is its time: milliseconds x 1024, and which of that millisecond.
CREATE TABLE search_docs (
  id INTEGER PRIMARY KEY,
  session_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  UNIQUE (session_id, message_id)
) STRICT;

-- Words only: texts are read from the entries. Blobs of 1900 bytes fit our pages of 2048.
CREATE VIRTUAL TABLE search_index USING fts5(content, more, parts, tags, content = '', contentless_delete = 1,
  tokenize = 'unicode61 remove_diacritics 2');
INSERT INTO search_index (search_index, rank) VALUES ('pgsz', 1900);

-- Written by the triggers below, emptied by the indexer before the same transaction ends.
CREATE TABLE search_pending (
  session_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  PRIMARY KEY (session_id, message_id)
) STRICT, WITHOUT ROWID;

-- Whoever writes an entry, in whatever way, cannot forget the index. Streaming text is taken in when it is whole.
CREATE TRIGGER search_entry_made AFTER INSERT ON entries WHEN NEW.status <> 'streaming'
BEGIN INSERT OR IGNORE INTO search_pending VALUES (NEW.session_id, NEW.message_id); END;
CREATE TRIGGER search_entry_changed AFTER UPDATE ON entries
WHEN NEW.status <> 'streaming' AND (OLD.status = 'streaming' OR OLD.content <> NEW.content OR OLD.item IS NOT NEW.item
  OR OLD.details IS NOT NEW.details OR OLD.role <> NEW.role OR OLD.type <> NEW.type)
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

-- What was written before there was an index.
INSERT INTO search_pending SELECT session_id, message_id FROM entries WHERE status <> 'streaming';
`,
}
