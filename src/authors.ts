// The plan of `codexd extensions check`: an extension alone in an engine of its own, on each runtime that is there, with tools
// and actions that do nothing. It is loaded, told an example of each event that it hears, and loaded once more.

import type { Clock } from "./base/kit/clock.ts"
import { createLogger, createMasks, type Logger } from "./base/observe/logger.ts"
import { isFolder } from "./base/platform/folders.ts"
import type { Platform } from "./base/platform/port.ts"
import { reentries } from "./base/platform/self.ts"
import type { Authors, Check, CheckReport } from "./edge/cli/needs.ts"
import { ACTIONS, EVENTS } from "./engine/host/contract.ts"
import { findExtensions } from "./engine/host/found/find.ts"
import { compatibilityOf, trustOf } from "./engine/host/found/judge.ts"
import { createHost, type Host } from "./engine/host/host.ts"
import { HOST_COMMAND } from "./engine/host/link/command.ts"

export interface AuthorsNeeds {
  platform: Platform
  clock: Clock
  programDir: string
  env: Readonly<Record<string, string | undefined>>
}

export function createAuthors({ platform, clock, programDir, env }: AuthorsNeeds): Authors {
  const log = createLogger({ clock, level: "silent", write: () => undefined, mask: createMasks() })
  const given = Object.fromEntries(Object.entries(env).flatMap(([k, v]) => (v === undefined ? [] : [[k, v]])))

  return {
    async check(path): Promise<CheckReport> {
      const runtimes: CheckReport["runtimes"] = []
      for (const { runtime, command, why } of reentries(programDir)) {
        if (command === undefined) {
          runtimes.push({ runtime, status: "unavailable", why, checks: [] })
          continue
        }
        const host = { command: [...command, HOST_COMMAND], cwd: path, env: given, memoryMib: 1024 }
        const checks = await checkIn({ path, log, clock, platform, host })
        runtimes.push({ runtime, status: "checked", checks })
      }
      const ok = runtimes.every(({ checks }) => checks.every((check) => check.ok))
      return { path, ok, runtimes }
    },
  }
}

interface CheckNeeds {
  path: string
  log: Logger
  clock: Clock
  platform: Platform
  host: Parameters<typeof createHost>[0]["host"]
}

async function checkIn({ path, log, clock, platform, host: hosted }: CheckNeeds): Promise<Check[]> {
  const roots = [{ type: "configured_root", path }] as const
  const manifest = await checkManifest(path)
  if (!manifest.ok) return [manifest]
  const asked: string[] = []
  const host = createHost({
    platform,
    clock,
    log,
    host: hosted,
    roots,
    trustMode: "warn",
    perform: async ({ type }) => {
      asked.push(type)
      return { actionType: type, status: Object.hasOwn(ACTIONS, type) ? "performed" : "invalid" }
    },
    tools: {
      enqueueJob: async ([job]) => ({ status: "enqueued", job }),
      getSessionSettings: async () => ({}),
      getSessionSetting: async () => undefined,
    },
  })
  try {
    await host.start()
    const load = checkLoad(host)
    if (!load.ok) return [manifest, load]
    const dispatch = await checkDispatch(host, asked)
    return [manifest, load, dispatch, checkLimits(host), await checkReload(host)]
  } finally {
    await host.close()
  }
}

const check = (name: string, problems: string[], notes: string[] = []): Check => ({
  name,
  ok: problems.length === 0,
  problems,
  notes,
})

async function checkManifest(path: string): Promise<Check> {
  if (!isFolder(path)) return check("manifest", [`there is no folder ${path}`])
  const found = findExtensions([{ type: "configured_root", path }])
  const [only] = found
  if (!only || found.length > 1) {
    return check("manifest", [`${path} holds ${found.length} extensions: name the folder of one`])
  }
  if ("code" in only) return check("manifest", [`${only.code}: ${only.message}`])
  const notes = only.manifest ? [] : ["it has no extension.manifest.json: its folder's name stands for all"]
  return check("manifest", (await compatibilityOf(only.manifest)).reasons, notes)
}

function checkLoad(host: Host): Check {
  const { modules, errors } = host.inventory()
  const problems = errors.map(({ code, message }) => `${code}: ${message}`)
  const [module] = modules
  const notes = module
    ? module.trust.warnings.map((warning) => `${warning} (denied under enforced trust)`)
    : []
  if (module && module.events.length === 0) notes.push("it hears no event")
  return check("load", problems, notes)
}

/** Every event that it hears, once, with an example of the contract. */
async function checkDispatch(host: Host, asked: string[]): Promise<Check> {
  const problems: string[] = []
  const notes: string[] = []
  const [module] = host.inventory().modules
  for (const type of host.heard()) {
    const payload = sampleOf(type)
    if (payload === undefined) {
      notes.push(`${type} is no event of codexd`)
      continue
    }
    for (const envelope of await host.emit({ type, payload, scope: {} })) {
      if (envelope.kind === "handler_error") problems.push(`${type}: ${envelope.error}`)
      if (envelope.kind === "action_result" && envelope.status === "invalid")
        problems.push(`${type}: ${envelope.actionType} is no valid action`)
    }
  }
  const declared = { events: [], actions: [...(module?.capabilities.actions ?? [])] }
  const undeclared = trustOf("warn", { ...declared, events: declared.actions, tools: undefined }, asked)
  for (const action of undeclared.warnings) notes.push(action.replace("hears", "asks for"))
  return check("dispatch", problems, notes)
}

function sampleOf(type: string): unknown {
  if (Object.hasOwn(EVENTS, type)) return EVENTS[type as keyof typeof EVENTS].sample
  return type.startsWith("app_server.") ? { ...EVENTS["app_server.*"].sample, eventType: type } : undefined
}

/** Its handlers kept their limits and sent nothing afterwards. */
function checkLimits(host: Host): Check {
  const [module] = host.inventory().modules
  if (!module) return check("limits", ["it is not loaded any more"])
  const { timedOut, refusedLate, unhandled, restarts, quarantined } = module.health
  const problems = [
    timedOut > 0 ? `${timedOut} handlers took longer than they may` : "",
    refusedLate > 0 ? `${refusedLate} times it used a tool or returned after its time` : "",
    unhandled > 0 ? `${unhandled} promises failed without being caught` : "",
    restarts > 0 ? `its thread ended ${restarts} times` : "",
    quarantined ?? "",
  ]
  return check("limits", problems.filter(Boolean))
}

/** The same once more: fresh code, the same handlers, and nothing of the first is in its way. */
async function checkReload(host: Host): Promise<Check> {
  const before = host.heard().toSorted()
  const outcome = await host.reload()
  if (outcome.result === "failed")
    return check(
      "reload",
      outcome.errors.map(({ code, message }) => `${code}: ${message}`),
    )
  const after = host.heard().toSorted()
  return check(
    "reload",
    before.join() === after.join() ? [] : [`it hears other events now: ${after.join(", ")}`],
  )
}
