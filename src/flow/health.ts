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
  /** What only the database knows. */
  rows(): Rows
  auth(): ReturnType<typeof authOf>
  jobs: { health(): object }
  /** What takes more memory than it may. */
  bounds(): string[]
  capabilities: Pick<Capabilities, "features">
  extensions: Pick<Extensions, "inventory">
}

/** Made of memory at every call: rows are read again after a commit only, and files now and then. */
export const createHealth = (given: Omit<HealthNeeds, "disk" | "agents" | "rows" | "auth">) => {
  const { db, clock, config, places } = given
  const rows = onceACommit(db, () => rowsOf(given))
  const auth = onceA(LOOK_MS, clock, () => authOf(given))
  const agents = onceA(LOOK_MS, clock, () => extensionsOf(given))
  const needs = {
    ...given,
    agents,
    rows,
    auth,
    disk: createDisk({ db, clock, dataDir: config.dataDir, places }),
  }
  return {
    /** One report for all who ask in the same millisecond: it says of which moment it tells. */
    health: onceAMoment(needs, () => report(needs)),
    /** All that strangers hear, without the rest being made. */
    healthStatus: () => statusOf(reasonsOf(needs.supervisor.state(), needs)),
    readiness: () => ({ ready: isReady(needs) }),
  }
}

/** Codex asleep comes when it is called; a nearly full disk still takes what comes. */
function isReady({ supervisor, turns, db }: HealthNeeds): boolean {
  const { name } = supervisor.state()
  return callable({ name }) && !turns.draining() && !db.full
}

function report(needs: HealthNeeds) {
  const { supervisor, codex, hub, clock } = needs
  const state = supervisor.state()
  const reasons = reasonsOf(state, needs)
  const { waiting, outbox } = needs.rows()
  return {
    status: statusOf(reasons),
    reasons,
    service: "api",
    codex: codexOf(state),
    orchestratorQueue: needs.jobs.health(),
    auth: needs.auth(),
    timestamp: iso(clock.now()),
    runtime: {
      state: state.name,
      version: state.version ?? null,
      startedAt: isoOrNull(state.startedAt),
      restarts: state.restarts,
      retryAt: isoOrNull(state.retryAt),
      fallbacks: [...state.fallbacks, ...codex.fallbacks()],
      methods: state.methods,
      features: needs.capabilities.features(),
      unknownNotifications: state.unknownNotifications,
      unreadableLines: state.unreadableLines,
    },
    storage: storageOf(needs),
    requests: { open: waiting.count, oldestOpenAt: isoOrNull(waiting.oldestAt) },
    outbox: { length: outbox.length, oldestAt: isoOrNull(outbox.oldestAt) },
    stream: hub.stats(),
    extensions: needs.agents(),
  }
}

const isoOrNull = (at: number | null | undefined): string | null =>
  at === null || at === undefined ? null : iso(at)
const statusOf = (reasons: string[]) => (reasons.length === 0 ? ("ok" as const) : ("degraded" as const))

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

type Rows = ReturnType<typeof rowsOf>
/** What waits for a person, what was decided here and the app-server has still to be told, and what is logged. */
const rowsOf = ({ requests, outbox, log }: Pick<HealthNeeds, "requests" | "outbox" | "log">) => ({
  waiting: requests.waiting(),
  outbox: outbox.size(),
  log: log.sizes(),
})

function storageOf({ db, config, disk, rows: read }: HealthNeeds) {
  const { rows, bytes, oldestAt } = read().log
  return {
    rows,
    bytes,
    oldestAt: isoOrNull(oldestAt),
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

function onceAMoment<T>({ db, clock }: Pick<HealthNeeds, "db" | "clock">, look: () => T): () => T {
  let last: { at: number; of: number; value: T } | undefined
  return () => {
    const at = clock.now()
    if (last?.at !== at || last.of !== db.changes) last = { at, of: db.changes, value: look() }
    return last.value
  }
}

function onceACommit<T>(db: Pick<Db, "changes">, look: () => T): () => T {
  let last: { of: number; value: T } | undefined
  return () => {
    if (last?.of !== db.changes) last = { of: db.changes, value: look() }
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

function authOf({ config, codexHome }: Pick<HealthNeeds, "config" | "codexHome">) {
  const home =
    codexHome ?? (config.childEnv.HOME === undefined ? undefined : `${config.childEnv.HOME}/.codex`)
  const hasOpenAiApiKey = Boolean(config.openaiApiKey)
  const codexHomeAuthFile = home !== undefined && exists(`${home}/auth.json`)
  return { hasOpenAiApiKey, codexHomeAuthFile, likelyUnauthenticated: !hasOpenAiApiKey && !codexHomeAuthFile }
}
