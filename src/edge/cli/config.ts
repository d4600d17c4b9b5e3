// The configuration as the command line sees it: the environment, an env file if one is named, and the flags.

import { type Config, type Env, readConfig } from "../../base/config/config.ts"
import { parseEnvFile } from "../../base/config/env-file.ts"
import { headersOf } from "../../base/config/kinds/collector.ts"
import { resolvePath } from "../../base/config/paths.ts"
import { createLines } from "../../base/observe/lines.ts"
import { createLogger, createMasks } from "../../base/observe/logger.ts"
import type { CliNeeds, Files } from "./needs.ts"

export interface ConfigFlags {
  host?: string
  port?: string
  dataDir?: string
  envFile?: string
}

/** Throws ConfigError, or an Error that names the env file. */
export function configOf(
  { env, cwd, programDir, files }: CliNeeds,
  { envFile, ...flags }: ConfigFlags,
): Config {
  const file = envFile === undefined ? {} : readEnvFile(files, resolvePath(cwd, envFile))
  return readConfig({ ...file, ...env }, flags, { cwd, programDir, exists: files.exists })
}

function readEnvFile(files: Files, path: string): Env {
  const text = files.readText(path)
  if (text === undefined) throw new Error(`--env-file: there is no ${path}`)
  try {
    return parseEnvFile(text)
  } catch (error) {
    throw new Error(`--env-file: ${path}: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    })
  }
}

/**
 * The logger and the masks that belong to a configuration: its secrets are masked from the first line on. Whoever logs disposes
 * `lines` at the end.
 */
export function loggingOf({ clock, err }: CliNeeds, config: Config) {
  const masks = createMasks()
  const { agentExtensionRbacHeaderSecret, agentExtensionRbacJwtSecret, webhookSigningSecret, openaiApiKey } =
    config
  for (const secret of [
    agentExtensionRbacHeaderSecret,
    agentExtensionRbacJwtSecret,
    webhookSigningSecret,
    openaiApiKey,
    ...Object.values(headersOf(config.otelExporterOtlpHeaders ?? "") ?? {}),
  ]) {
    if (secret) masks.add(secret)
  }
  const lines = createLines({ clock, write: (text) => err.write(text) })
  const log = createLogger({ clock, level: config.logLevel, write: lines.put, mask: masks })
  return { masks, log, lines }
}
