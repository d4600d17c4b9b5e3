// Entries of before migration 8 read as they did: same order, same fields, absent ones absent, and taken-back turns hidden.

import { expect, test } from "bun:test"
import { openBunDriver } from "../../../src/base/storage/bun-driver.ts"
import { migrate } from "../../../src/base/storage/migrate.ts"
import { MIGRATIONS } from "../../../src/base/storage/migrations/index.ts"

test("rows of an older database keep their order and their words", () => {
  const driver = openBunDriver(":memory:")
  migrate(driver, MIGRATIONS.slice(0, 7))
  const put =
    driver.prepare(`INSERT INTO entries (session_id, message_id, turn_id, place, role, type, content, details, status,
    started_at, completed_at, item) VALUES ('s', ?, ?, ?, 'system', 'x', ?, ?, 'complete', ?, NULL, NULL)`)
  driver
    .prepare(
      "INSERT INTO turns (session_id, id, place, status, rolled_back_at) VALUES ('s', 'gone', 2, 'completed', 9)",
    )
    .run()
  const text = 'a "quoted" \\ text\n\u2028 äöü 🙂'
  put.run("b", "u", 1, text, null, 5)
  put.run("a", "u", 1, "", "{}", null)
  put.run("c", "gone", 2, "hidden", null, null)
  migrate(driver, MIGRATIONS)
  const rows = driver.prepare("SELECT json, hidden, content, details FROM entries ORDER BY place, spot").all()
  const base = { turnId: "u", role: "system", type: "x", status: "complete" }
  expect(rows.slice(0, 2).map(({ json }) => JSON.parse(json as string))).toEqual([
    { ...base, messageId: "b", content: text, startedAt: 5 },
    { ...base, messageId: "a", content: "", details: "{}" },
  ])
  expect(rows.map(({ hidden, content, details }) => [hidden, content, details])).toEqual([
    [0, text, null],
    [0, "", "{}"],
    [1, "hidden", null],
  ])
})
