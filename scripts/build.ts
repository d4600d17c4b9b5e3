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
    // What is loaded later lies apart, and is not even read until then.
    "--splitting",
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
