// `npm run bench` names the benches, `npm run bench NAME` runs one of scripts/bench/.

import { readdirSync } from "node:fs"
import { join } from "node:path"

const folder = join(import.meta.dir, "bench")
const names = readdirSync(folder).flatMap((file) => (file.endsWith(".ts") ? [file.slice(0, -3)] : []))
const [name, ...rest] = process.argv.slice(2)

if (name !== undefined && names.includes(name)) {
  const config = `--config=${join(import.meta.dir, "../bunfig.toml")}`
  const command = [process.execPath, "--no-env-file", config, join(folder, `${name}.ts`), ...rest]
  process.exitCode = await Bun.spawn(command, { stdio: ["inherit", "inherit", "inherit"] }).exited
} else {
  process.stdout.write(`npm run bench NAME, where NAME is one of ${names.join(", ")}\n`)
  process.exitCode = name === undefined ? 0 : 2
}
