// An entry that is written twice in one act stands once among those that search still has to take in.

import type { Migration } from "../migrate.ts"

/** Not `OR IGNORE`: the writer's own ON CONFLICT is the rule for what its triggers write, too. */
const NOTE = `INSERT INTO search_pending SELECT NEW.session_id, NEW.message_id WHERE NOT EXISTS
  (SELECT 1 FROM search_pending WHERE session_id = NEW.session_id AND message_id = NEW.message_id)`
const noteAll = (
  whose: string,
) => `INSERT INTO search_pending SELECT session_id, message_id FROM entries AS e WHERE ${whose}
  AND NOT EXISTS (SELECT 1 FROM search_pending AS p WHERE p.session_id = e.session_id AND p.message_id = e.message_id)`

export const searchAgain: Migration = {
  id: 18,
  name: "search again",
  sql: `
DROP TRIGGER search_entry_made;
DROP TRIGGER search_entry_changed;
DROP TRIGGER search_turn_taken_back;
DROP TRIGGER search_session_hidden;
CREATE TRIGGER search_entry_made AFTER INSERT ON entries WHEN NEW.status <> 'streaming'
BEGIN ${NOTE}; END;
CREATE TRIGGER search_entry_changed AFTER UPDATE ON entries
WHEN NEW.status <> 'streaming' AND (OLD.status = 'streaming' OR OLD.json <> NEW.json OR OLD.item IS NOT NEW.item
  OR OLD.hidden <> NEW.hidden)
BEGIN ${NOTE}; END;
CREATE TRIGGER search_turn_taken_back AFTER UPDATE OF rolled_back_at ON turns
WHEN OLD.rolled_back_at IS NOT NEW.rolled_back_at
BEGIN ${noteAll("session_id = NEW.session_id AND turn_id = NEW.id")}; END;
CREATE TRIGGER search_session_hidden AFTER UPDATE OF system_owned ON sessions
WHEN OLD.system_owned <> NEW.system_owned
BEGIN ${noteAll("session_id = NEW.id")}; END;
`,
}
