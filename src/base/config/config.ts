// The configuration, read once at the start. A bad value stops it, with all problems at once; nobody else reads the
// environment. Names are those of the variables in camelCase, `API_AUTH` is `apiAuth`.

import type { Variable } from "./kinds/kinds.ts"
import { resolvePath, workspaceRoot } from "./paths.ts"
import { brokenRules } from "./rules.ts"
import { VARIABLES, type ValueOf, type VariableName } from "./variables.ts"
import { warningsOf } from "./warnings.ts"

export type Env = Readonly<Record<string, string | undefined>>

type Camel<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}${Capitalize<Camel<Tail>>}`
  : Lowercase<S>

export type Settings = { [Name in VariableName as Camel<Name>]: ValueOf<(typeof VARIABLES)[Name]> }

/** `dataDir`, `codexHome` and the extension roots are absolute. */
export interface Config extends Settings {
  /** Where relative folders start, and the child's working directory. */
  workspaceRoot: string
  /** Where the daemon's own program lies: a `node_modules` above it is one of the places to look for Codex. */
  programDir: string
  /** The environment without the daemon's own secrets, CODEX_HOME absolute; what the child starts from (decisions 31). */
  childEnv: Record<string, string>
  /** Set by `--offline` and the demo: the scripted model to use in place of OpenAI. */
  offline?: { baseUrl: string; model: string }
  /** For the log, once it is there. */
  warnings: string[]
}

/** Flags of the command line: they win over the environment. */
export interface Overrides {
  host?: string | undefined
  /** `0` takes any free port. */
  port?: string | undefined
  dataDir?: string | undefined
}

export interface Place {
  cwd: string
  programDir: string
  exists(path: string): boolean
}

/** The start is refused. `problems` are lines for people, one each. */
export class ConfigError extends Error {
  readonly problems: string[]

  constructor(problems: string[]) {
    super(`The configuration can't be used:\n${problems.map((line) => `  ${line}`).join("\n")}`)
    this.name = "ConfigError"
    this.problems = problems
  }
}

/** The configuration that `env` and the flags give. Throws ConfigError. */
export function readConfig(env: Env, overrides: Overrides, place: Place): Config {
  const problems: string[] = []
  const settings = readSettings(env, problems)
  if (overrides.host) settings.host = overrides.host
  if (overrides.dataDir) settings.dataDir = overrides.dataDir
  if (overrides.port !== undefined) settings.port = portFlag(overrides.port, problems)
  problems.push(...brokenRules(settings))
  if (problems.length > 0) throw new ConfigError(problems)
  const root = workspaceRoot(place.cwd, place.exists)
  const absolute = (path: string) => resolvePath(root, path)
  const codexHome = settings.codexHome === undefined ? undefined : absolute(settings.codexHome)
  return {
    ...settings,
    workspaceRoot: root,
    programDir: place.programDir,
    dataDir: overrides.dataDir ? resolvePath(place.cwd, overrides.dataDir) : absolute(settings.dataDir),
    codexHome,
    agentExtensionConfiguredRoots: settings.agentExtensionConfiguredRoots.map(absolute),
    agentExtensionPackageRoots: settings.agentExtensionPackageRoots.map(absolute),
    rolloutFolders: settings.rolloutFolders.map(absolute),
    childEnv: childEnv(env, codexHome),
    warnings: warningsOf(env),
  }
}

function readSettings(env: Env, problems: string[]): Settings {
  const entries = Object.entries<Variable<unknown>>(VARIABLES).map(([name, variable]) => {
    const value = env[name]
    if (value === undefined || (value === "" && variable.blankIsUnset))
      return [camel(name), variable.fallback]
    const parsed = variable.parse(value)
    if ("value" in parsed) return [camel(name), parsed.value]
    problems.push(problemOf(name, value, variable, parsed.wrong))
    return [camel(name), variable.fallback]
  })
  // The table gives every name its parser and its fallback the same type: the only place where that is asserted.
  return Object.fromEntries(entries) as Settings
}

// OPENAI_API_KEY is Codex's own, not ours. A blank value of ours would be an error in Codex, not "unset".
function childEnv(env: Env, codexHome: string | undefined): Record<string, string> {
  const kept = ([name, value]: [string, string | undefined]): [string, string][] => {
    const dropped = value === undefined || isDaemonSecret(name) || (value === "" && name in VARIABLES)
    return dropped ? [] : [[name, value]]
  }
  const rest = Object.fromEntries(Object.entries(env).flatMap(kept))
  return codexHome === undefined ? rest : { ...rest, CODEX_HOME: codexHome }
}

const isDaemonSecret = (name: string) =>
  name !== "OPENAI_API_KEY" &&
  Object.entries<Variable<unknown>>(VARIABLES).some(([known, { secret }]) => known === name && secret)

function problemOf(name: string, value: string, { accepts, secret }: Variable<unknown>, what: string) {
  const shown = secret ? "its value" : value === "" ? "the empty value" : JSON.stringify(value)
  return `${name}: ${shown} ${what}; accepted: ${accepts}`
}

function portFlag(value: string, problems: string[]): number {
  const port = /^\d+$/.test(value) ? Number(value) : Number.NaN
  if (port <= 65_535) return port
  problems.push(
    `--port: ${JSON.stringify(value)} is no port; accepted: whole number from 0 (any free port) to 65535`,
  )
  return 0
}

function camel(name: string): string {
  return name.toLowerCase().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
