// Builds `dist/codexd`: one file with the runtime inside, which reads no `.env` and no `bunfig.toml` of the folder that it
// is started in (decisions 35).

import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { openBunDriver } from "../src/base/storage/bun-driver.ts"
import { migrate } from "../src/base/storage/migrate.ts"
import { MIGRATIONS } from "../src/base/storage/migrations/index.ts"

const root = join(import.meta.dir, "..")

/** Compiles the daemon to `outfile`. Throws with the compiler's words. */
export async function buildBinary(outfile: string): Promise<void> {
  const flags = [
    "--compile",
    // Not the names: a trace says who called whom then, for 0.4 MB of 121 and no slower start.
    "--minify-syntax",
    "--minify-whitespace",
    // Half of the start is parsing (54 → 24 ms for `--version`).
    "--bytecode",
    "--format=esm",
    // What is loaded later lies apart, and is not even read until then.
    "--splitting",
    "--sourcemap=inline",
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
  ]
  // The compiler writes maps beside its outfile, which are inside it as well.
  mkdirSync(dirname(outfile), { recursive: true })
  const shelf = mkdtempSync(join(dirname(outfile), ".build-"))
  try {
    const made = join(shelf, basename(outfile))
    flags.push("--define", `CODEXD_NEW_DATABASE=${JSON.stringify(newDatabase(shelf))}`)
    const command = [process.execPath, "--no-env-file", "build", ...flags, "src/main.ts", "--outfile", made]
    const child = Bun.spawn(command, { cwd: root, stdin: "ignore", stdout: "pipe", stderr: "pipe" })
    const [said, complained] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ])
    if ((await child.exited) !== 0) throw new Error(`the build failed:\n${said}${complained}`)
    renameSync(made, outfile)
  } finally {
    rmSync(shelf, { recursive: true })
  }
}

/** A database that all migrations ran in, as base/platform/carried-database.ts unpacks it. */
function newDatabase(shelf: string): string {
  const path = join(shelf, "new.db")
  const driver = openBunDriver(path)
  migrate(driver, MIGRATIONS)
  // Tables that a migration put others in the place of left pages behind.
  driver.exec("VACUUM")
  driver.close()
  return Bun.zstdCompressSync(readFileSync(path), { level: 19 }).toString("base64")
}

/** Bundles the client for whoever is not Bun: one module for Node and browsers. Throws with the bundler's words. */
export async function buildClient(outfile: string): Promise<void> {
  const entry = join(root, "src/client/client.ts")
  const made = await Bun.build({ entrypoints: [entry], target: "browser", format: "esm", minify: true })
  const [file] = made.outputs
  if (!made.success || !file) throw new Error(`the client can't be bundled: ${made.logs.join("\n")}`)
  await Bun.write(outfile, file)
}

if (import.meta.main) {
  const outfile = process.argv[2] ?? join(root, "dist/codexd")
  await buildBinary(outfile)
  await buildClient(join(root, "dist/client.js"))
  process.stdout.write(`${outfile} (${Math.round(Bun.file(outfile).size / 1e6)} MB)\n`)
}
