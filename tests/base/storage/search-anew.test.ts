// Migration 23 on a database that was in use: what stood in the old index is found once in the new one, also when the daemon
// that refills it is killed half way.

import { expect, test } from "bun:test"
import { join } from "node:path"
import { openBunDriver } from "../../../src/base/storage/bun-driver.ts"
import { migrate } from "../../../src/base/storage/migrate.ts"
import { MIGRATIONS } from "../../../src/base/storage/migrations/index.ts"
import type { SqlDriver } from "../../../src/base/storage/port.ts"
import { testFolder } from "../../support/program.ts"
import { type OpenRooms, openRooms } from "../../support/rooms.ts"

const ENTRIES = 700
/** Not to be found: one still streams, one is of a turn that was taken back. */
const STREAMING = 7
const TAKEN_BACK = 11
const GONE = "gone"

/** As codexd with 22 migrations left it: entries, the index over most of them, and some that it still had to take in. */
function fill(driver: SqlDriver): void {
  migrate(driver, MIGRATIONS.slice(0, 22))
  driver
    .prepare(
      "INSERT INTO turns (session_id, id, place, status, rolled_back_at) VALUES ('s', ?, 2, 'completed', 9)",
    )
    .run(GONE)
  const entry = driver.prepare(
    `INSERT INTO entries (session_id, message_id, turn_id, place, spot, role, type, status, started_at, hidden, changed, json)
     VALUES ('s', ?, ?, 1, ?, 'assistant', 'agentMessage', ?, ?, ?, 1, ?)`,
  )
  const doc = driver.prepare("INSERT INTO search_docs (id, session_id, message_id) VALUES (?, 's', ?)")
  const words = driver.prepare(
    "INSERT INTO search_index (rowid, content, more, parts, tags) VALUES (?, ?, '', '', ?)",
  )
  const taken = driver.prepare("DELETE FROM search_pending WHERE session_id = 's' AND message_id = ?")
  driver.exec("BEGIN")
  for (let i = 0; i < ENTRIES; i++) {
    const id = `m${i}`
    const isGone = i === TAKEN_BACK
    const status = i === STREAMING ? "streaming" : "complete"
    const text = `needle number${i}`
    const spot = String(i).padStart(5, "0")
    entry.run(id, isGone ? GONE : "t", spot, status, 1_000 + i, isGone ? 1 : 0, `{"content":"${text}"}`)
    if (status === "streaming" || isGone || i > 600) continue
    const at = (1_000 + i) * 1_024
    doc.run(at, id)
    words.run(at, text, "ss rassistant tagentMessage")
    taken.run(id)
  }
  driver.exec("COMMIT")
}

const ask = (house: OpenRooms, q: string, cursor?: string) =>
  house.rooms.search.search({ q, includeSystemOwned: false, limit: 200, ...(cursor && { cursor }) })

function all(house: OpenRooms, q: string): string[] {
  const found: string[] = []
  for (let page = ask(house, q); ; page = ask(house, q, page.nextCursor ?? "")) {
    found.push(...page.data.map(({ messageId }) => messageId))
    if (page.nextCursor === null) return found
  }
}

test("what an older database holds is found once, after a kill in the midst of the refill too", async () => {
  using folder = testFolder("search-anew")
  const path = join(folder.path, "codexd.db")
  const old = openBunDriver(path)
  fill(old)
  const kept = old.prepare("SELECT count(*) AS n FROM search_docs").get()?.n
  expect(Number(kept)).toBeGreaterThan(590)
  old.close()

  const program = join(import.meta.dir, "../../fakes/refill.ts")
  const child = Bun.spawn([process.execPath, "--no-env-file", program, path], {
    stdout: "pipe",
    stderr: "inherit",
  })
  const { value } = await child.stdout.getReader().read()
  const [committed = 0, inside = 0] = new TextDecoder().decode(value).trim().split(" ").map(Number)
  child.kill("SIGKILL")
  await child.exited
  // It had committed a piece, and was in another.
  expect(committed).toBeLessThan(ENTRIES)
  expect(inside).toBeLessThan(committed)
  expect(inside).toBeGreaterThan(0)

  const driver = openBunDriver(path)
  const left = () => Number(driver.prepare("SELECT count(*) AS n FROM search_pending").get()?.n)
  expect(left()).toBe(committed)
  const house = openRooms(undefined, { driver })
  house.now((tx) => void house.rooms.sessions.learn(tx, { id: "s", name: "old" }, { materialized: true }))
  while (left() > 0) house.now(() => undefined)
  const shown = Array.from({ length: ENTRIES }, (_, i) => i).filter(
    (i) => i !== STREAMING && i !== TAKEN_BACK,
  )
  expect(all(house, "needle").sort()).toEqual(shown.map((i) => `m${i}`).sort())
  for (const i of [0, 300, 601, 699]) expect(all(house, `number${i}`)).toEqual([`m${i}`])
  for (const i of [STREAMING, TAKEN_BACK]) expect(all(house, `number${i}`)).toEqual([])
  const { docs, words } = driver
    .prepare(
      "SELECT (SELECT count(*) FROM search_docs) AS docs, (SELECT count(*) FROM search_index_docsize) AS words",
    )
    .get() as { docs: number; words: number }
  expect([docs, words]).toEqual([shown.length, shown.length])
  expect(driver.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }])
  await house.db.close()
})
