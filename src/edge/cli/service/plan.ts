// What a service of the user's own is made of: which program, where its data lies, and where the manager looks for its file.

import type { Config, Env } from "../../../base/config/config.ts"

export type Manager = "systemd" | "launchd"

export interface ServicePlan {
  manager: Manager
  /** Of the unit or the property list. */
  file: string
  /** The program and its words. */
  command: string[]
  env: Record<string, string>
  dataDir: string
  /** For the manager's patience when it stops us. */
  drainMs: number
}

export interface PlanNeeds {
  os: string
  env: Env
  /** Starts the daemon's program, without words. */
  program: string[]
  config: Config
  /** What was typed after `install`. */
  flags: { dataDir?: string; host?: string; port?: string; envFile?: string }
}

/** Kept for the daemon: where programs are found, and what people set for Codex. Everything else comes by --env-file. */
const PASSED = ["PATH", "CODEX_BIN", "CODEX_HOME"] as const

/** Throws where there is neither systemd nor launchd, or no home. */
export function planOf({ os, env, program, config, flags }: PlanNeeds): ServicePlan {
  const manager: Manager | undefined = os === "linux" ? "systemd" : os === "darwin" ? "launchd" : undefined
  if (!manager) throw new Error(`services are made for systemd and launchd, not on ${os}`)
  const home = env.HOME
  if (!home) throw new Error("HOME is not set: there is no place for a service of yours")
  const dataDir = flags.dataDir ? config.dataDir : stateFolder(manager, env, home)
  const words = [
    ...["serve", "--data-dir", dataDir],
    ...(flags.host ? ["--host", flags.host] : []),
    ...(flags.port ? ["--port", flags.port] : []),
    ...(flags.envFile ? ["--env-file", flags.envFile] : []),
  ]
  const passed = PASSED.flatMap((name): [string, string][] => (env[name] ? [[name, env[name]]] : []))
  return {
    manager,
    file: fileOf(manager, env, home),
    command: [...program, ...words],
    env: Object.fromEntries(passed),
    dataDir,
    drainMs: config.drainGraceMs,
  }
}

/** Where programs keep what must survive and nobody edits. */
const stateFolder = (manager: Manager, env: Env, home: string): string =>
  manager === "launchd"
    ? `${home}/Library/Application Support/codexd`
    : `${env.XDG_STATE_HOME || `${home}/.local/state`}/codexd`

const fileOf = (manager: Manager, env: Env, home: string): string =>
  manager === "launchd"
    ? `${home}/Library/LaunchAgents/${LABEL}.plist`
    : `${env.XDG_CONFIG_HOME || `${home}/.config`}/systemd/user/${UNIT}`

export const UNIT = "codexd.service"
export const LABEL = "dev.codexd.codexd"
