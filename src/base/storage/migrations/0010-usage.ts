// What tokens were used for (domain/turns/usage).

import type { Migration } from "../migrate.ts"

const TOKENS = `
  calls INTEGER NOT NULL,
  total INTEGER NOT NULL,
  input INTEGER NOT NULL,
  cached INTEGER NOT NULL,
  cache_write INTEGER NOT NULL,
  output INTEGER NOT NULL,
  reasoning INTEGER NOT NULL`

export const usage: Migration = {
  id: 10,
  name: "usage",
  sql: `
-- How far each thread's own count was when it was last heard, by turn: the highest n is how far it is.
CREATE TABLE usage_counts (
  session_id TEXT NOT NULL,
  turn_id TEXT NOT NULL,
  n INTEGER NOT NULL,
  total INTEGER NOT NULL,
  input INTEGER NOT NULL,
  cached INTEGER NOT NULL,
  cache_write INTEGER NOT NULL,
  output INTEGER NOT NULL,
  reasoning INTEGER NOT NULL,
  PRIMARY KEY (session_id, turn_id)
) STRICT, WITHOUT ROWID;

-- The differences, by day in UTC. imported: counted where it was exported from.
CREATE TABLE usage (
  session_id TEXT NOT NULL,
  turn_id TEXT NOT NULL,
  day TEXT NOT NULL,
  model TEXT NOT NULL,
  imported INTEGER NOT NULL DEFAULT 0,${TOKENS},
  PRIMARY KEY (session_id, turn_id, day, model)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_by_day ON usage (day);

-- What is left of sessions that were deleted: nothing that names them.
CREATE TABLE usage_past (
  day TEXT NOT NULL,
  model TEXT NOT NULL,
  project_id TEXT NOT NULL,${TOKENS},
  PRIMARY KEY (day, model, project_id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER usage_of_the_dead AFTER DELETE ON sessions
BEGIN
  INSERT INTO usage_past (day, model, project_id, calls, total, input, cached, cache_write, output, reasoning)
    SELECT day, model, coalesce(OLD.project_id, ''), sum(calls), sum(total), sum(input), sum(cached), sum(cache_write),
      sum(output), sum(reasoning)
    FROM usage WHERE session_id = OLD.id AND imported = 0 GROUP BY day, model
    ON CONFLICT (day, model, project_id) DO UPDATE SET calls = calls + excluded.calls, total = total + excluded.total,
      input = input + excluded.input, cached = cached + excluded.cached, cache_write = cache_write + excluded.cache_write,
      output = output + excluded.output, reasoning = reasoning + excluded.reasoning;
  DELETE FROM usage WHERE session_id = OLD.id;
  DELETE FROM usage_counts WHERE session_id = OLD.id;
END;
`,
}
