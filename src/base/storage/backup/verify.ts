// Whether a backup could be gone back to: its hash, SQLite's own check of every page, its schema, and its rows.

import { readText } from "../../platform/files.ts"
import { exists } from "../../platform/folders.ts"
import { sha256Of } from "../../platform/whole-files.ts"
import { checkDatabase } from "../migrate.ts"
import type { SqlDriver } from "../port.ts"
import { rowsOf } from "./backup.ts"
import { type Manifest, manifestOf, readManifest } from "./manifest.ts"

export interface Verified {
  /** Lines for people; none: it is sound. */
  problems: string[]
  /** Undefined: there is none beside it, and only the database was looked at. */
  manifest: Manifest | undefined
}

export interface VerifyNeeds {
  open(path: string): SqlDriver
  path: string
  /** The newest schema that this program knows. */
  newest: number
}

export function verify({ open, path, newest }: VerifyNeeds): Verified {
  if (!exists(path)) return { problems: [`there is no ${path}`], manifest: undefined }
  const text = readText(manifestOf(path))
  let manifest: Manifest | undefined
  const problems: string[] = []
  try {
    if (text !== undefined) manifest = readManifest(text)
  } catch (error) {
    problems.push(textOf(error))
  }
  if (manifest && sha256Of(path) !== manifest.sha256)
    problems.push("the file is another than the one that was written: its hash differs from the manifest's")
  problems.push(...look({ open, path, newest }, manifest))
  return { problems, manifest }
}

function look({ open, path, newest }: VerifyNeeds, manifest: Manifest | undefined): string[] {
  let driver: SqlDriver | undefined
  try {
    driver = open(path)
    const found = checkDatabase(driver, newest)
    if (Number(driver.prepare("PRAGMA user_version").get()?.user_version) === 0)
      found.push("the file is no database of codexd")
    return manifest ? [...found, ...otherRows(rowsOf(driver), manifest.rows)] : found
  } catch (error) {
    return [`the file can't be read as a database: ${textOf(error)}`]
  } finally {
    driver?.close()
  }
}

const otherRows = (found: Record<string, number>, told: Record<string, number>): string[] =>
  Object.entries(told).flatMap(([table, count]) =>
    found[table] === count ? [] : [`${table} has ${found[table] ?? "no"} rows, the manifest says ${count}`],
  )

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
