// `codexd backup FILE`, `verify FILE`, `restore FILE` (docs/operations.md).

import type { Command } from "commander"
import { resolvePath } from "../../../base/config/paths.ts"
import { type ConfigFlags, configOf } from "../config.ts"
import type { CliNeeds } from "../needs.ts"
import { readingConfig } from "../reading.ts"

type Flags = ConfigFlags & { json?: boolean }

const MIB = 1024 * 1024
const mib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`
const asJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

/** While a daemon runs or not. Throws when there is nothing to back up, no room, or the file is there. */
async function backup(needs: CliNeeds, file: string, { json = false, ...flags }: Flags): Promise<number> {
  const path = resolvePath(needs.cwd, file)
  const manifest = needs.keeping.backup(configOf(needs, flags), path)
  needs.out.write(
    json
      ? asJson({ file: path, ...manifest })
      : `${path}: ${mib(manifest.bytes)}, and ${path}.json that says what it is\n`,
  )
  return 0
}

/** 0: sound. 1: not. */
async function verify(needs: CliNeeds, file: string, { json = false }: Flags): Promise<number> {
  const path = resolvePath(needs.cwd, file)
  const { problems, manifest } = needs.keeping.verify(path)
  const sound = problems.length === 0
  if (json) needs.out.write(asJson({ file: path, sound, problems, manifest: manifest ?? null }))
  else if (!sound) for (const problem of problems) needs.out.write(`✗ ${problem}\n`)
  else if (manifest)
    needs.out.write(
      `✓ sound, made by codexd ${manifest.version} at ${manifest.madeAt}, schema ${manifest.schema}\n`,
    )
  else needs.out.write(`✓ a sound database; no manifest lies beside it to compare it with\n`)
  return sound ? 0 : 1
}

/** Refuses while a daemon runs in the data folder, and for a file that is not sound. */
async function restore(needs: CliNeeds, file: string, flags: ConfigFlags): Promise<number> {
  const config = configOf(needs, flags)
  const { aside, tokens } = needs.keeping.restore(config, resolvePath(needs.cwd, file))
  needs.out.write(
    `restored into ${config.dataDir}${aside === undefined ? "" : `; what was there is ${aside}`}\n`,
  )
  if (tokens > 0)
    needs.out.write(
      `${tokens} named ${tokens === 1 ? "token or login is" : "tokens and logins are"} as in the copy: one revoked since is good again; see \`codexd token list\`\n`,
    )
  return 0
}

export function keepingWords(program: Command, needs: CliNeeds, done: (code: number) => void): void {
  const add = (name: string, description: string) =>
    readingConfig(program.command(`${name} <file>`).description(description))
  add("backup", "copy the database to a file, also while the daemon runs")
    .option("--json", "answer as JSON")
    .action(async (file, options) => done(await backup(needs, file, options)))
  add("verify", "look whether a backup is whole and sound")
    .option("--json", "answer as JSON")
    .action(async (file, options) => done(await verify(needs, file, options)))
  add("restore", "put a backup in the database's place, while no daemon runs").action(async (file, options) =>
    done(await restore(needs, file, options)),
  )
}
