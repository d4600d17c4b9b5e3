// Forward-only migrations. Each runs in a transaction of its own and leaves its number in user_version, but for those of a
// new database, which has all of them or none (one commit in place of twenty: a third of what a first start waits for). A
// database that a newer codexd wrote is refused, because an old one would not know what it may not touch.

import type { SqlDriver } from "./port.ts"
import { tune } from "./sqlite.ts"

export interface Migration {
  /** 1, 2, 3 … without holes; never renumbered or changed once released. */
  id: number
  name: string
  sql: string
}

// "cdxd", so that a database of another program is not taken for an empty one of ours.
const APPLICATION_ID = 0x63647864

/** Brings the database to the newest migration. Throws, and changes nothing more, for a newer or foreign database or a failing step. */
export function migrate(driver: SqlDriver, migrations: readonly Migration[]): { from: number; to: number } {
  migrations.forEach(({ id, name }, index) => {
    if (id !== index + 1) throw new Error(`migration ${name} has number ${id}, expected ${index + 1}`)
  })
  const from = pragma(driver, "user_version")
  refuseForeign(driver, from, migrations.length)
  tune(driver)
  // Without a write: a start on a full disk must get past here.
  if (from === migrations.length) return { from, to: from }
  driver.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
  // Rebuilding a table that others point to is only possible with the checks off; step() looks afterwards.
  driver.exec("PRAGMA foreign_keys = OFF")
  try {
    const rounds = from === 0 ? [migrations] : migrations.slice(from).map((one) => [one])
    for (const round of rounds) step(driver, round)
  } finally {
    driver.exec("PRAGMA foreign_keys = ON")
  }
  return { from, to: migrations.length }
}

/** The schema of a database of ours that is older than `newest`; undefined where there is nothing to bring up. */
export function schemaBehind(driver: SqlDriver, newest: number): number | undefined {
  const schema = pragma(driver, "user_version")
  const ours = pragma(driver, "application_id") === APPLICATION_ID
  return ours && schema > 0 && schema < newest ? schema : undefined
}

/** What is wrong with a database that nobody has open, a line each; empty when this version could go on with it. For doctor. */
export function checkDatabase(driver: SqlDriver, newest: number): string[] {
  const found = driver
    .prepare("PRAGMA integrity_check(20)")
    .all()
    .map((row) => String(row.integrity_check))
  try {
    refuseForeign(driver, pragma(driver, "user_version"), newest)
  } catch (error) {
    found.push(error instanceof Error ? error.message : String(error))
  }
  return found.filter((line) => line !== "ok")
}

function refuseForeign(driver: SqlDriver, version: number, newest: number): void {
  if (version > newest) {
    throw new Error(
      `the database has schema ${version}, this codexd knows ${newest}: it was written by a newer version. ` +
        "Start that version again, or move the data folder away to begin anew",
    )
  }
  const owner = pragma(driver, "application_id")
  const tables = Number(driver.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.n)
  if (owner !== APPLICATION_ID && (owner !== 0 || tables > 0)) {
    throw new Error("the database file belongs to another program: choose another data folder")
  }
}

function step(driver: SqlDriver, round: readonly Migration[]): void {
  let at = round[0]
  driver.exec("BEGIN IMMEDIATE")
  try {
    for (at of round) driver.exec(at.sql)
    if (driver.prepare("PRAGMA foreign_key_check").get()) throw new Error("it leaves rows that point nowhere")
    driver.exec(`PRAGMA user_version = ${at?.id ?? 0}`)
    driver.exec("COMMIT")
  } catch (error) {
    if (driver.inTransaction) driver.exec("ROLLBACK")
    const said = error instanceof Error ? error.message : error
    throw new Error(`migration ${at?.id} (${at?.name}) failed: ${said}`, { cause: error })
  }
}

const pragma = (driver: SqlDriver, name: "user_version" | "application_id"): number =>
  Number(driver.prepare(`PRAGMA ${name}`).get()?.[name])
