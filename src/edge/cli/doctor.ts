// `codexd doctor`: looks at everything that a start needs and says what is well, what is odd and what is broken, with the
// remedy. Exit code 0: all well, 1: something is odd, 2: something is broken.

import type { Config } from "../../base/config/config.ts"
import { isLoopback } from "../../base/config/rules.ts"
import { type ConfigFlags, configOf } from "./config.ts"
import { clock, disk, login, loose } from "./doctor/looks.ts"
import type { CliNeeds, Leftover } from "./needs.ts"

export interface Finding {
  name: string
  verdict: "ok" | "warn" | "fail"
  text: string
  /** What to do; absent where all is well, or where the text says it in the words of what failed. */
  remedy?: string
}

const CODES = { ok: 0, warn: 1, fail: 2 } as const
const MARKS = { ok: "✓", warn: "!", fail: "✗" } as const

type Flags = ConfigFlags & { json?: boolean }

/** Resolves with the exit code. */
export async function doctor(needs: CliNeeds, { json = false, ...flags }: Flags): Promise<number> {
  const config = configOf(needs, flags)
  const holder = needs.inspection.lockHolder(config)
  const findings = [
    configuration(config),
    await safely("codex", () => codex(needs, config)),
    login(needs, config),
    folder(needs, config),
    await safely("files", () => loose(needs, config)),
    disk(needs, config),
    await safely("clock", () => clock(needs, config, holder)),
    daemon(holder),
    await safely("database", () => database(needs, config, holder)),
    await safely("processes", () => processes(needs, config, holder)),
    await safely("port", () => port(needs, config, holder)),
  ]
  const code = Math.max(...findings.map(({ verdict }) => CODES[verdict]))
  if (json)
    needs.out.write(`${JSON.stringify({ status: code === 0 ? "ok" : "findings", findings }, null, 2)}\n`)
  else
    for (const { name, verdict, text, remedy } of findings)
      needs.out.write(`${MARKS[verdict]} ${name}: ${text}${remedy === undefined ? "" : `; ${remedy}`}\n`)
  return code
}

/** Ends what earlier runs left behind. Refuses while a daemon runs: then they are its own. */
export async function doctorProcesses(needs: CliNeeds, { json = false, ...flags }: Flags): Promise<number> {
  const config = configOf(needs, flags)
  const holder = needs.inspection.lockHolder(config)
  if (holder !== undefined)
    throw new Error(`a daemon (process ${holder}) is running in ${config.dataDir}; stop it first`)
  const ended = await needs.inspection.reap(config)
  if (json) needs.out.write(`${JSON.stringify({ status: "ok", ended }, null, 2)}\n`)
  else if (ended.length === 0) needs.out.write("nothing was left behind\n")
  else for (const one of ended) needs.out.write(`ended ${line(one)}\n`)
  return 0
}

async function safely(name: string, look: () => Finding | Promise<Finding>): Promise<Finding> {
  try {
    return await look()
  } catch (error) {
    return { name, verdict: "fail", text: error instanceof Error ? error.message : String(error) }
  }
}

function configuration({ warnings }: Config): Finding {
  const name = "configuration"
  if (warnings.length === 0) return { name, verdict: "ok", text: "every variable is understood" }
  const remedy = "compare with docs/configuration.md, or unset it"
  return { name, verdict: "warn", text: warnings.join("; "), remedy }
}

async function codex({ inspection }: CliNeeds, config: Config): Promise<Finding> {
  const { path, version, methods } = await inspection.binary(config)
  return { name: "codex", verdict: "ok", text: `${version} with ${methods} methods (${path})` }
}

function folder({ files }: CliNeeds, { dataDir }: Config): Finding {
  const name = "data folder"
  const mode = files.modeOf(dataDir)
  if (mode === undefined) return { name, verdict: "ok", text: `${dataDir} will be made at the first start` }
  if ((mode & 0o077) === 0) return { name, verdict: "ok", text: `${dataDir} is yours alone` }
  return {
    name,
    verdict: "warn",
    text: `${dataDir} is open to others (${mode.toString(8)})`,
    remedy: `chmod 700 ${dataDir}`,
  }
}

function daemon(holder: number | undefined): Finding {
  const text = holder === undefined ? "none is running in this data folder" : `runs as process ${holder}`
  return { name: "daemon", verdict: "ok", text }
}

function database({ inspection }: CliNeeds, config: Config, holder: number | undefined): Finding {
  const name = "database"
  if (holder !== undefined) return { name, verdict: "ok", text: "in use by the daemon, not looked into" }
  const wrong = inspection.database(config)
  if (wrong.length === 0) return { name, verdict: "ok", text: "sound" }
  const remedy = "`codexd restore FILE` puts a backup in its place and keeps what was there"
  return { name, verdict: "fail", text: wrong.join("; "), remedy }
}

function processes({ inspection }: CliNeeds, config: Config, holder: number | undefined): Finding {
  const name = "processes"
  if (holder !== undefined) return { name, verdict: "ok", text: "belong to the daemon, not looked into" }
  const left = inspection.leftovers(config)
  if (left.length === 0) return { name, verdict: "ok", text: "nothing was left behind" }
  const all = left.map(line).join(", ")
  return {
    name,
    verdict: "warn",
    text: `left behind by an earlier run: ${all}`,
    remedy: "`codexd doctor processes` ends them",
  }
}

const line = ({ pid, command }: Leftover) => `${pid} (${command})`

async function port({ platform }: CliNeeds, config: Config, holder: number | undefined): Promise<Finding> {
  const { host, port: number } = config
  const name = "port"
  if (holder !== undefined) return { name, verdict: "ok", text: "the daemon's own affair while it runs" }
  try {
    const listener = await platform.listen({
      at: { host, port: number },
      fetch: () => new Response(null, { status: 503 }),
      socket: { open() {}, message() {}, drain() {}, close() {} },
      maxLagBytes: 1024,
      maxBodyBytes: 1024,
    })
    await listener.stop(0)
  } catch (error) {
    const text = `${host}:${number} can't be listened on (${error instanceof Error ? error.message : error})`
    return { name, verdict: "fail", text, remedy: "choose another with PORT" }
  }
  const whose = isLoopback(host) ? "for this machine only" : "for every machine that reaches it"
  return { name, verdict: "ok", text: `${host}:${number} is free, ${whose}` }
}
