import { expect, test } from "bun:test"
import { openBunDriver, steady } from "../../../src/base/storage/bun-driver.ts"

test("parameters get their plus, texts and comments stay as they are", () => {
  expect(steady("SELECT a FROM t WHERE b = ? AND c = ?12 LIMIT ?")).toBe(
    "SELECT a FROM t WHERE b = +? AND c = +?12 LIMIT +?",
  )
  expect(steady("SELECT 'why? it''s ?' -- really?\nWHERE a = ?")).toBe(
    "SELECT 'why? it''s ?' -- really?\nWHERE a = +?",
  )
})

test("values of every type come back as they went in, and an index is still used", () => {
  const driver = openBunDriver(":memory:")
  driver.exec(
    "CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT, at REAL, bytes BLOB, n INTEGER) STRICT; CREATE INDEX words ON t (word, at)",
  )
  const bytes = new Uint8Array([0, 1, 255])
  driver.prepare("INSERT INTO t (word, at, bytes, n) VALUES (?, ?, ?, ?)").run("7", 1.5, bytes, 2 ** 53 - 1)
  const find = "SELECT word, at, bytes, n FROM t WHERE word = ? AND at > ? ORDER BY at LIMIT ?"
  expect(driver.prepare(find).get("7", 1, 1)).toEqual({ word: "7", at: 1.5, bytes, n: 2 ** 53 - 1 })
  // A text is no number, whatever it looks like.
  expect(driver.prepare("SELECT n FROM t WHERE n = ?").get("9007199254740991")).toBeDefined()
  expect(driver.prepare("SELECT typeof(?) AS a, typeof(?) AS b, typeof(?) AS c").get("1", 1, null)).toEqual({
    a: "text",
    b: "integer",
    c: "null",
  })
  const plan = driver.prepare(`EXPLAIN QUERY PLAN ${find}`).all("7", 1, 1)
  expect(plan.map(({ detail }) => detail)).toEqual(["SEARCH t USING INDEX words (word=? AND at>?)"])
  driver.close()
})
