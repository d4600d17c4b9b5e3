// Files of the data folder that a start makes: the API token, and Codex's own home.

import type { Config } from "../base/config/config.ts"
import { newSecret } from "../base/kit/ids.ts"
import type { Logger } from "../base/observe/logger.ts"
import { ensurePrivateFolder, readPrivate, readText, writePrivate } from "../base/platform/files.ts"
import { providerConfig } from "../engine/model/provider.ts"

/** The API token: the file's, else a new one written there (0600). One that others could read is said, and mended. */
export function tokenOf(path: string, logger: Logger): string {
  const kept = readPrivate(path)
  if (kept?.wasOpen !== undefined) {
    const remedy = "if others use this machine, remove the file and start again: a new token is made"
    logger.warn("the API token could be read by others", { path, mode: kept.wasOpen.toString(8), remedy })
  }
  if (kept?.text.trim()) return kept.text.trim()
  const token = newSecret()
  writePrivate(path, `${token}\n`)
  return token
}

/**
 * CODEX_HOME for the child; undefined leaves it at codex's own default. A configured one without auth.json gets a copy of the
 * user's own, once. Offline it is one of ours, with the scripted model as its provider: never the user's.
 */
export function prepareCodexHome(home: string | undefined, config: Config): string | undefined {
  if (home === undefined) return undefined
  ensurePrivateFolder(home)
  if (config.offline) keep(`${home}/config.toml`, providerConfig(config.offline))
  else copyLogin(home, config.childEnv.HOME)
  return home
}

/** Writes only what is different: a start on a full disk must get past here. */
function keep(path: string, text: string): void {
  if (readText(path) !== text) writePrivate(path, text)
}

/** Where Codex keeps its files: the configured home, else its own default; undefined when the user has no home either. */
export const homeOfCodex = (
  configured: string | undefined,
  { childEnv }: Pick<Config, "childEnv">,
): string | undefined => configured ?? (childEnv.HOME === undefined ? undefined : `${childEnv.HOME}/.codex`)

/** Where rollout files may be imported from, Codex's own home first. */
export const rolloutFolders = (configured: string | undefined, config: Config): string[] => [
  ...[homeOfCodex(configured, config) ?? []].flat(),
  ...config.rolloutFolders,
]

function copyLogin(home: string, userHome: string | undefined): void {
  const own = userHome === undefined ? undefined : `${userHome}/.codex/auth.json`
  if (own === undefined || readText(`${home}/auth.json`) !== undefined) return
  const login = readText(own)
  if (login !== undefined) writePrivate(`${home}/auth.json`, login)
}
