// A new database: the compiled program carries it ready made, and it is the one that the migrations make.

import { expect, test } from "bun:test"
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { beginDatabase } from "../../../src/base/storage/begin.ts"
import { openBunDriver } from "../../../src/base/storage/bun-driver.ts"
import { migrate } from "../../../src/base/storage/migrate.ts"
import { MIGRATIONS } from "../../../src/base/storage/migrations/index.ts"
import { FAKE_CODEX } from "../../support/daemon.ts"
import { type Form, startProgram, testFolder } from "../../support/program.ts"

const bytes = () => new TextEncoder().encode("ready")

test("a database that isn't there begins with what is carried, for its owner alone", () => {
  using folder = testFolder("begin")
  const path = join(folder.path, "codexd.db")
  beginDatabase(path, bytes)
  expect(readFileSync(path, "utf8")).toBe("ready")
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test.each(["", "-wal", "-journal"])("where codexd.db%s lies nothing is begun", (end) => {
  using folder = testFolder("begin")
  const path = join(folder.path, "codexd.db")
  writeFileSync(`${path}${end}`, "somebody's")
  beginDatabase(path, bytes)
  expect(readFileSync(`${path}${end}`, "utf8")).toBe("somebody's")
  expect(existsSync(path)).toBe(end === "")
})

test("without room the migrations have their turn", () => {
  using folder = testFolder("begin")
  const path = join(folder.path, "codexd.db")
  beginDatabase(path, () => {
    throw new Error("no space left on device")
  })
  expect(existsSync(path)).toBe(false)
})

test.each(["source", "compiled"] satisfies Form[])(
  "%s: the database of a first start is what the migrations make",
  async (form) => {
    using folder = testFolder("begin")
    const cwd = folder.path
    const args = ["serve", "--port", "0"]
    await using daemon = await startProgram({ form, args, cwd, env: { CODEX_BIN: FAKE_CODEX } })
    await daemon.err.until(/codexd is listening/)
    daemon.signal("SIGTERM")
    expect((await daemon.ended()).code).toBe(0)

    // SQLite's own would be readable: so it was the carried one.
    const file = join(cwd, ".data/codexd.db")
    if (form === "compiled") expect(statSync(file).mode & 0o777).toBe(0o600)
    const made = openBunDriver(join(cwd, "made.db"))
    migrate(made, MIGRATIONS)
    const begun = openBunDriver(file)
    expect(shapeOf(begun)).toEqual(shapeOf(made))
    expect(begun.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }])
    for (const driver of [made, begun]) driver.close()
  },
  60_000,
)

const PRAGMAS = ["user_version", "application_id", "page_size", "auto_vacuum", "journal_mode", "encoding"]

const shapeOf = (driver: ReturnType<typeof openBunDriver>) => ({
  schema: driver.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name").all(),
  pragmas: PRAGMAS.map((name) => driver.prepare(`PRAGMA ${name}`).get()),
})
