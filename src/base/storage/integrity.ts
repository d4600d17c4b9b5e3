// Looks at a database that nobody has open, for doctor: is it whole, and may this version open it.

import type { SqlDriver } from "./port.ts"

/** What is wrong, a line each; empty when it is sound. `newest` is the highest migration that this version knows. */
export function checkIntegrity(driver: SqlDriver, newest: number): string[] {
  const found = driver.prepare("PRAGMA integrity_check(20)").all()
  const broken = found.map((row) => String(row.integrity_check)).filter((line) => line !== "ok")
  const version = Number(driver.prepare("PRAGMA user_version").get()?.user_version ?? 0)
  if (version <= newest) return broken
  return [
    ...broken,
    `a newer codexd wrote it (schema ${version}, this one knows ${newest}): use that version`,
  ]
}
