// A session's revision is looked up once for all who ask while nothing is written.

import { expect, test } from "bun:test"
import { createRevisions } from "../../src/domain/sessions/store.ts"

function counted() {
  const db = {
    changes: 0,
    rev: 1,
    asked: 0,
    get(_sql: string, ...values: unknown[]) {
      db.asked++
      return { own: values[0] === "none" ? null : db.rev, shared: 7 }
    },
  }
  return db
}

test("it is read again after every write, and by each session for itself", () => {
  const db = counted()
  const revision = createRevisions(db)
  expect([revision("a"), revision("a"), revision("none"), revision("a")]).toEqual([
    "1.7",
    "1.7",
    "0.7",
    "1.7",
  ])
  expect(db.asked).toBe(2)
  db.rev = 2
  db.changes = 2
  expect([revision("a"), revision("a")]).toEqual(["2.7", "2.7"])
  expect(db.asked).toBe(3)
})

test("ids that nobody knows fill no memory", () => {
  const db = counted()
  const revision = createRevisions(db)
  for (let i = 0; i < 1_001; i++) revision(`s${i}`)
  revision("s0")
  expect(db.asked).toBe(1_002)
})
