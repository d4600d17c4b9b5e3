// Where codex is: CODEX_BIN, else `codex` on PATH, else node_modules/.bin/codex upward from the working directory and
// beside the daemon. npm's launcher is a script that needs a Node of its own: behind it the native binary is found, and
// the folder of its companions (`rg`) goes in front of PATH, as the launcher of that version does it.

import { accessSync, constants, existsSync, readFileSync, realpathSync, statSync } from "node:fs"
import { basename, dirname, isAbsolute, join, resolve } from "node:path"

export interface BinaryWish {
  /** CODEX_BIN: a path, or a name to look for on PATH. */
  wanted: string | undefined
  /** PATH. */
  path: string
  cwd: string
  /** The daemon's own folder. */
  beside: string
}

export interface FoundBinary {
  /** Absolute. */
  file: string
  /** PATH for the child. */
  path: string
  /** Path, size and mtime: changes when the binary does. */
  key: string
  from: "CODEX_BIN" | "PATH" | "node_modules"
}

export const ABSENT =
  "codex was not found: install it with `npm i -g @openai/codex`, or name its file in CODEX_BIN"

/** `undefined` when there is none. A CODEX_BIN that names nothing is not silently replaced by another codex. */
export function findBinary(wish: BinaryWish): FoundBinary | undefined {
  if (wish.wanted !== undefined && wish.wanted !== "codex") {
    const named = wish.wanted.includes("/")
      ? runnable(resolve(wish.cwd, wish.wanted))
      : onPath(wish.wanted, wish.path)
    return named === undefined ? undefined : native(named, wish.path, "CODEX_BIN")
  }
  const listed = onPath("codex", wish.path)
  if (listed) return native(listed, wish.path, "PATH")
  const installed = upward(wish.cwd) ?? upward(wish.beside)
  return installed === undefined ? undefined : native(installed, wish.path, "node_modules")
}

function onPath(name: string, path: string): string | undefined {
  for (const folder of path.split(":")) {
    // A relative folder would depend on where the daemon was started.
    const file = isAbsolute(folder) ? runnable(join(folder, name)) : undefined
    if (file) return file
  }
  return undefined
}

function upward(from: string): string | undefined {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const file = runnable(join(folder, "node_modules/.bin/codex"))
    if (file) return file
    if (folder === dirname(folder)) return undefined
  }
}

function runnable(file: string): string | undefined {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile() ? file : undefined
  } catch {
    return undefined
  }
}

function native(launcher: string, path: string, from: FoundBinary["from"]): FoundBinary | undefined {
  const real = realpathSync(launcher)
  const file = isLauncher(real) ? behind(real) : real
  if (file === undefined) return undefined
  const { size, mtimeMs } = statSync(file)
  const root = dirname(dirname(file))
  const companions = ["codex-path", "path"]
    .map((name) => join(root, name))
    .filter((folder) => existsSync(folder))
  const parts = [...companions, ...path.split(":").filter(Boolean)]
  return { file, path: parts.join(":"), key: `${file}:${size}:${Math.round(mtimeMs)}`, from }
}

/** npm's bin/codex.js, by its place and its first line. */
const isLauncher = (file: string): boolean =>
  basename(file) === "codex.js" && readFileSync(file, "utf8").startsWith("#!/usr/bin/env node")

const TRIPLES: Record<string, { triple: string; suffix: string }> = {
  "linux-x64": { triple: "x86_64-unknown-linux-musl", suffix: "linux-x64" },
  "linux-arm64": { triple: "aarch64-unknown-linux-musl", suffix: "linux-arm64" },
  "darwin-x64": { triple: "x86_64-apple-darwin", suffix: "darwin-x64" },
  "darwin-arm64": { triple: "aarch64-apple-darwin", suffix: "darwin-arm64" },
}

/** The native binary that npm's launcher would start: in the platform's package, nested or hoisted, or in its own. */
function behind(launcher: string): string | undefined {
  const machine = TRIPLES[`${process.platform}-${process.arch}`]
  if (!machine) return undefined
  const own = dirname(dirname(launcher))
  const roots = [own]
  for (let folder = own; folder !== dirname(folder); folder = dirname(folder)) {
    roots.push(join(folder, "node_modules", `@openai/codex-${machine.suffix}`))
  }
  for (const root of roots) {
    for (const place of ["bin", "codex"]) {
      const file = runnable(join(root, "vendor", machine.triple, place, "codex"))
      if (file) return file
    }
  }
  return undefined
}
