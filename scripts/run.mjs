// The launcher of every npm script. It runs on Node 20 (or Bun) with nothing installed: it brings the packages of
// package-lock.json when they are missing or stale, then hands over to the Bun that came with them.

import { spawn, spawnSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const [task, ...rest] = process.argv.slice(2)

/** Every task is a program for Bun with its first arguments. */
const TASKS = {
  codexd: ["src/main.ts"],
  demo: ["src/main.ts", "demo"],
  check: ["scripts/check.ts"],
  build: ["scripts/build.ts"],
  bench: ["scripts/bench.ts"],
  openapi: ["scripts/openapi.ts"],
  fuzz: ["scripts/fuzz.ts"],
}

/** Without Node on the machine it is a Bun that runs this file: then it does the rest as well. */
const bun = process.versions.bun ? process.execPath : join(root, "node_modules/.bin/bun")

function main() {
  const program = TASKS[task]
  if (!program) return fail(`no task "${task}"; there are ${Object.keys(TASKS).join(", ")}`)
  if (!installed()) install()
  const [file, ...first] = program
  const ours = ["--no-env-file", `--config=${join(root, "bunfig.toml")}`, join(root, file)]
  return run(bun, [...ours, ...first, ...rest], process.cwd())
}

/** True when each package that the lock file requires lies there in that version. */
function installed() {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"))
  const there = Object.entries(packages).every(([path, { version, optional }]) => {
    if (path === "" || optional) return true
    const file = join(root, path, "package.json")
    return existsSync(file) && JSON.parse(readFileSync(file, "utf8")).version === version
  })
  return there && existsSync(bun)
}

function install() {
  process.stderr.write("installing the packages of package-lock.json …\n")
  // Engines are of no interest: the packages run on the Bun and Node 24 that they bring along.
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
  const npm = spawnSync("npm", ["ci", ...quiet], { cwd: root, stdio: ["ignore", "inherit", "inherit"] })
  if (npm.error === undefined && npm.status === 0) return
  if (npm.error === undefined) fail("npm ci failed", npm.status ?? 1)
  if (!process.versions.bun) return fail("npm is needed to install the packages")
  // Scripts of packages would want npm or Node; what they prepare is only needed for the tests on Node.
  const args = ["install", "--no-save", "--ignore-scripts"]
  const other = spawnSync(bun, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] })
  if (other.status !== 0) fail("bun could not install the packages")
}

/** Ends as the program ends; it has the terminal, and signals that reach only us are passed on. */
function run(command, args, cwd) {
  const child = spawn(command, args, { cwd, stdio: "inherit" })
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal))
  child.on("error", (error) => fail(error.message))
  child.on("exit", (code, signal) => process.exit(signal ? 1 : code))
}

function fail(message, code = 1) {
  process.stderr.write(`${message}\n`)
  process.exit(code)
}

main()
