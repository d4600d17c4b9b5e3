// The compiled binary, built once for all suites that start it: kept under the user's cache folder, named by what it was
// built from.

import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { buildBinary } from "../../scripts/build.ts"

const root = join(import.meta.dir, "../..")
const shelf = join(homedir(), ".cache/codexd-tests/built")
const DAY_MS = 24 * 3600 * 1000

let building: Promise<string> | undefined

/** The path of `codexd`, compiled from the present source. Safe when two processes ask at once. */
export function builtBinary(): Promise<string> {
  building ??= build()
  return building
}

async function build(): Promise<string> {
  const folder = join(shelf, sourceHash())
  const file = join(folder, "codexd")
  if (existsSync(file)) return file
  dropOld()
  const aside = `${folder}.${process.pid}`
  mkdirSync(aside, { recursive: true })
  await buildBinary(join(aside, "codexd"))
  try {
    renameSync(aside, folder)
  } catch (error) {
    rmSync(aside, { recursive: true, force: true })
    if (!existsSync(file)) throw error
  }
  return file
}

function sourceHash(): string {
  const hash = createHash("sha256").update(Bun.version)
  const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith(".ts"),
  )
  const carried = readdirSync(join(root, "extensions"), { recursive: true, encoding: "utf8" }).filter(
    (path) => /\.(ts|json)$/.test(path),
  )
  const files = [
    ...sources.map((path) => `src/${path}`),
    ...carried.map((path) => `extensions/${path}`),
    "package.json",
    "package-lock.json",
    "scripts/build.ts",
  ]
  for (const path of files.sort()) hash.update(path).update(readFileSync(join(root, path)))
  return hash.digest("hex").slice(0, 16)
}

function dropOld(): void {
  if (!existsSync(shelf)) return
  for (const name of readdirSync(shelf)) {
    const path = join(shelf, name)
    if (Date.now() - statSync(path).mtimeMs > DAY_MS) rmSync(path, { recursive: true, force: true })
  }
}
