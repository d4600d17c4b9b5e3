// Builds `dist/codexd`: one file with the runtime inside, which reads no `.env` and no `bunfig.toml` of the folder that it
// is started in (decisions 35).

import { rmSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dir, "..")

/** Compiles the daemon to `outfile`. Throws with the compiler's words. */
export async function buildBinary(outfile: string): Promise<void> {
  const flags = [
    "--compile",
    "--minify",
    // Half of the start is parsing (54 → 24 ms for `--version`).
    "--bytecode",
    "--format=esm",
    "--sourcemap=inline",
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
  ]
  const command = [process.execPath, "--no-env-file", "build", ...flags, "src/main.ts", "--outfile", outfile]
  const child = Bun.spawn(command, { cwd: root, stdin: "ignore", stdout: "pipe", stderr: "pipe" })
  const [said, complained] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  if ((await child.exited) !== 0) throw new Error(`the build failed:\n${said}${complained}`)
  // The map is inside the binary as well: nothing has to lie beside it.
  rmSync(`${outfile}.map`, { force: true })
}

if (import.meta.main) {
  const outfile = process.argv[2] ?? join(root, "dist/codexd")
  await buildBinary(outfile)
  process.stdout.write(`${outfile} (${Math.round(Bun.file(outfile).size / 1e6)} MB)\n`)
}
