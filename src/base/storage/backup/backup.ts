// A whole and consistent copy of the database, made while a daemon writes to it: SQLite copies what was committed when the
// copy began. What it is stands in a manifest beside it. The copy is for its owner alone and appears in one step.

import { newId } from "../../kit/ids.ts"
import { fileSize } from "../../platform/disk.ts"
import { writePrivate } from "../../platform/files.ts"
import { exists } from "../../platform/folders.ts"
import { dropFile, openDraft, settle, sha256Of } from "../../platform/whole-files.ts"
import type { SqlDriver } from "../port.ts"
import { type Manifest, manifestOf, writeManifest } from "./manifest.ts"

export interface BackupNeeds {
  /** Over the database; another process may be writing to it. */
  driver: SqlDriver
  open(path: string): SqlDriver
  path: string
  version: string
  /** ISO-8601. */
  at: string
}

/** How long a commit of somebody else is waited for. */
const BUSY_MS = 10_000

class TakenError extends Error {
  constructor(path: string) {
    super(`${path} is there already: choose another file`)
    this.name = "TakenError"
  }
}

/** Throws where the file or its manifest is there already, and when there is no room; nothing is left behind then. */
export function backUp({ driver, open, path, version, at }: BackupNeeds): Manifest {
  // A name that nobody else has: neither a file of somebody's nor the draft of another backup is taken for ours.
  const draft = `${path}.${newId()}.draft`
  let reserved = false
  try {
    if (exists(manifestOf(path))) throw new TakenError(manifestOf(path))
    openDraft(draft)
    driver.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
    driver.prepare("VACUUM INTO ?").run(draft)
    const manifest = describe(open, draft, { version, at })
    openDraft(path)
    reserved = true
    settle(draft, path)
    writePrivate(manifestOf(path), writeManifest(manifest))
    return manifest
  } catch (error) {
    dropFile(draft)
    if (reserved) dropFile(path)
    if (error instanceof TakenError) throw error
    if (error instanceof Error && "code" in error && error.code === "EEXIST") throw new TakenError(path)
    throw new Error(`${path} can't be written: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    })
  }
}

function describe(
  open: BackupNeeds["open"],
  path: string,
  { version, at }: { version: string; at: string },
): Manifest {
  const driver = open(path)
  let rows: Record<string, number>
  let schema: number
  try {
    rows = rowsOf(driver)
    schema = Number(driver.prepare("PRAGMA user_version").get()?.user_version)
  } finally {
    driver.close()
  }
  return { format: 1, version, schema, madeAt: at, bytes: fileSize(path) ?? 0, sha256: sha256Of(path), rows }
}

const TABLES =
  "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"

/** Rows of every table. */
export const rowsOf = (driver: SqlDriver): Record<string, number> =>
  Object.fromEntries(
    driver
      .prepare(TABLES)
      .all()
      .map(({ name }) => [name, Number(driver.prepare(`SELECT count(*) AS n FROM "${name}"`).get()?.n)]),
  )
