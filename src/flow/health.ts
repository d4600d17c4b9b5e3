// How the house is (wire-contract §1.1): the contract's body, and beside it what an operator wants to know.

import type { Config } from "../base/config/config.ts"
import type { Places } from "../base/config/places.ts"
import type { Log } from "../base/events/log.ts"
import { type Clock, iso } from "../base/kit/clock.ts"
import { createDisk, type Disk } from "../base/observe/disk.ts"
import { exists } from "../base/platform/folders.ts"
import type { Db } from "../base/storage/port.ts"
import type { Requests } from "../domain/requests/requests.ts"
import type { Outbox } from "../domain/sessions/outbox/outbox.ts"
import type { Turns } from "../domain/turns/turns.ts"
import type { Codex } from "../engine/runtime/codex.ts"
import type { RuntimeState } from "../engine/runtime/lifecycle.ts"
import type { Supervisor } from "../engine/runtime/supervisor.ts"
import type { Extensions } from "./extensions/extensions.ts"
import type { Capabilities } from "./pass/capabilities.ts"

export interface HealthNeeds {
  config: Config
  codexHome: string | undefined
  supervisor: Supervisor
  codex: Pick<Codex, "fallbacks">
  db: Db
  log: Log
  hub: { stats(): object }
  requests: Requests
  turns: Pick<Turns, "draining">
  outbox: Pick<Outbox, "size">
  clock: Clock
  places: Places
  disk: Disk
  /** What is loaded of extensions, looked at once a second. */
  agents(): Agents
  jobs: { health(): object }
  /** What takes more memory than it may. */
  bounds(): string[]
  capabilities: Pick<Capabilities, "features">
  extensions: Pick<Extensions, "inventory">
}

/** Made anew at every call; reads memory and a few rows. */
export const createHealth = (given: Omit<HealthNeeds, "disk" | "agents">) => {
  const { db, clock, config, places } = given
  const agents = onceA(LOOK_MS, clock, () => extensionsOf(given))
  const needs = { ...given, agents, disk: createDisk({ db, clock, dataDir: config.dataDir, places }) }
  return {
    health: () => report(needs),
    readiness: () => ({ ready: isReady(needs) }),
  }
}

/** Codex asleep comes when it is called; a nearly full disk still takes what comes. */
function isReady({ supervisor, turns, db }: HealthNeeds): boolean {
  const { name } = supervisor.state()
  return callable({ name }) && !turns.draining() && !db.full
}

function report(needs: HealthNeeds) {
  const { supervisor, codex, hub, requests, clock } = needs
  const state = supervisor.state()
  const reasons = reasonsOf(state, needs)
  const { count, oldestAt } = requests.waiting()
  return {
    status: reasons.length === 0 ? "ok" : "degraded",
    reasons,
    service: "api",
    codex: codexOf(state),
    orchestratorQueue: needs.jobs.health(),
    auth: authOf(needs),
    timestamp: iso(clock.now()),
    runtime: {
      state: state.name,
      version: state.version ?? null,
      startedAt: state.startedAt === undefined ? null : iso(state.startedAt),
      restarts: state.restarts,
      retryAt: state.retryAt === undefined ? null : iso(state.retryAt),
      fallbacks: [...state.fallbacks, ...codex.fallbacks()],
      methods: state.methods,
      features: needs.capabilities.features(),
      unknownNotifications: state.unknownNotifications,
      unreadableLines: state.unreadableLines,
    },
    storage: storageOf(needs),
    requests: { open: count, oldestOpenAt: oldestAt === undefined ? null : iso(oldestAt) },
    outbox: outboxOf(needs),
    stream: hub.stats(),
    extensions: needs.agents(),
  }
}

function reasonsOf(state: RuntimeState, { db, turns, disk, agents, bounds }: HealthNeeds): string[] {
  const reasons: string[] = []
  if (turns.draining()) reasons.push("the daemon is shutting down and takes no new turns")
  reasons.push(...bounds())
  if (!callable(state)) reasons.push(`codex is ${state.name}${state.reason ? `: ${state.reason}` : ""}`)
  const ill = agents().quarantined
  if (ill.length > 0) reasons.push(`extensions in quarantine: ${ill.join(", ")}`)
  if (db.full) reasons.push("the disk is full: nothing can be stored")
  else if (disk.isScarce()) reasons.push("the disk is nearly full")
  return reasons
}

/** Asleep it comes when it is called. */
const callable = ({ name }: Pick<RuntimeState, "name">): boolean =>
  name === "ready" || name === "asleep" || name === "resting"

const codexOf = (state: RuntimeState) => ({
  running: state.pid !== undefined,
  pid: state.pid ?? null,
  initialized: state.name === "ready",
  ...(state.lastExit && { lastExit: { ...state.lastExit, at: iso(state.lastExit.at) } }),
})

/** What was decided here and the app-server has still to be told. */
function outboxOf({ outbox }: HealthNeeds) {
  const { length, oldestAt } = outbox.size()
  return { length, oldestAt: oldestAt === undefined ? null : iso(oldestAt) }
}

function storageOf({ log, db, config, disk }: HealthNeeds) {
  const { rows, bytes, oldestAt } = log.sizes()
  return {
    rows,
    bytes,
    oldestAt: oldestAt === null ? null : iso(oldestAt),
    full: db.full,
    dataDir: config.dataDir,
    disk: disk.report(),
  }
}

type Agents = ReturnType<typeof extensionsOf>
/** The report of an extension sorts what it counted: not for every question of a monitor. */
const LOOK_MS = 1_000

function onceA<T>(ms: number, clock: Clock, look: () => T): () => T {
  let last: { at: number; value: T } | undefined
  return () => {
    const at = clock.mono()
    if (!last || at - last.at > ms) last = { at, value: look() }
    return last.value
  }
}

function extensionsOf({ extensions }: Pick<HealthNeeds, "extensions">) {
  const { snapshotVersion, modules, errors } = extensions.inventory()
  const quarantined = modules.filter(({ health }) => health.quarantined !== null)
  return {
    snapshotVersion,
    loaded: modules.length,
    errors: errors.length,
    quarantined: quarantined.map(({ moduleName }) => moduleName),
  }
}

function authOf({ config, codexHome }: HealthNeeds) {
  const home =
    codexHome ?? (config.childEnv.HOME === undefined ? undefined : `${config.childEnv.HOME}/.codex`)
  const hasOpenAiApiKey = Boolean(config.openaiApiKey)
  const codexHomeAuthFile = home !== undefined && exists(`${home}/auth.json`)
  return { hasOpenAiApiKey, codexHomeAuthFile, likelyUnauthenticated: !hasOpenAiApiKey && !codexHomeAuthFile }
}
