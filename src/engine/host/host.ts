// The engine of extensions: what is found is loaded into a generation that lives outside the daemon's process, events are
// dispatched to it, and a reload replaces it whole or not at all. It knows none of our nouns: events, tools and actions are
// what the floor above says.

import { type Clock, iso } from "../../base/kit/clock.ts"
import { newId } from "../../base/kit/ids.ts"
import type { Logger } from "../../base/observe/logger.ts"
import type { Platform } from "../../base/platform/port.ts"
import type { Envelope } from "./contract.ts"
import { type Carried, findExtensions, type Root } from "./found/find.ts"
import { isDeclared, type TrustMode } from "./found/judge.ts"
import type { HostCommand } from "./link/host-child.ts"
import { loadAll } from "./load.ts"
import { createDispatch, type Emitted, type Perform, type Scope, type Subscription } from "./run/dispatch.ts"
import { createFeed, type Fed } from "./run/feed.ts"
import { createGeneration, type Generation } from "./run/generation.ts"
import { Counts } from "./run/health.ts"
import type { ToolCall } from "./run/invocations.ts"
import {
  BOOTSTRAP,
  eventsOf,
  identityOf,
  type LoadError,
  type Snapshot,
  shownModule,
  snapshotOf,
} from "./snapshot.ts"

/** A tool of a handler; `caller` says whose, and how far the event reaches. */
export type Tool = (args: unknown[], caller: { extension: string; scope: Scope }) => Promise<unknown>

export interface HostNeeds {
  platform: Pick<Platform, "spawn">
  clock: Clock
  log: Logger
  host: HostCommand
  roots: readonly Root[]
  carried?: Carried
  /** First-party extensions, by name, that are not loaded. */
  without?: readonly string[]
  trustMode: TrustMode
  perform: Perform
  tools: Readonly<Record<string, Tool>>
}

export type Reloaded =
  | { result: "loaded"; reloadId: string; before: string; snapshot: Snapshot; rows: LoadedRow[] }
  | { result: "failed"; reloadId: string; before: string; errors: LoadError[] }
  | { result: "busy"; reloadId: string; before: string }

export function createHost(needs: HostNeeds) {
  const { platform, clock, log, host, roots, carried, without, trustMode, perform, tools } = needs
  const counts = new Map<string, Counts>()
  const { dispatch } = createDispatch({ clock, log, trustMode, perform })
  const feed = createFeed({ emit, dropped })
  let current: Snapshot = BOOTSTRAP
  let starting: Promise<void> | undefined
  let reloading = false
  let closed = false
  /** Old generations whose last handlers still run. */
  const leaving = new Set<Generation>()

  function countsOf(name: string): Counts {
    const known = counts.get(name) ?? new Counts()
    counts.set(name, known)
    return known
  }

  async function call({ extension, tool, args, scope: caller }: ToolCall): Promise<unknown> {
    const { scope, subscription } = caller as { scope: Scope; subscription: Subscription }
    const declared = subscription.capabilities?.tools
    if (declared !== undefined && trustMode !== "disabled" && !isDeclared(declared, tool)) {
      if (trustMode === "enforced") throw new Error(`${tool}: capabilities.tools does not name it`)
      log.warn("an extension calls a tool that it does not declare", { extension, tool })
    }
    const known = tools[tool]
    if (!known) throw new Error(`there is no tool ${tool}`)
    return await known(args, { extension, scope })
  }

  /** Everything that is found, in a generation of its own. */
  async function build(): Promise<Snapshot> {
    const found = findExtensions(roots, carried, without)
    const generation = createGeneration({ platform, clock, host, log, call, countsOf })
    const { modules, errors } = await loadAll({ found, trustMode, generation, log })
    return snapshotOf({ version: newId(), loadedAt: iso(clock.now()), modules, errors, generation })
  }

  function swap(next: Snapshot): void {
    const { generation: old } = current
    current = next
    for (const { found } of next.modules) countsOf(found.moduleName).quarantined = null
    if (!old) return
    leaving.add(old)
    void old.close({ drain: true }).finally(() => leaving.delete(old))
  }

  /** Loads what is good and warns of the rest. Once; never rejects. */
  function start(): Promise<void> {
    starting ??= build().then(
      async (snapshot) => {
        if (closed) return snapshot.generation?.close({ drain: false })
        swap(snapshot)
        for (const error of snapshot.errors) log.warn("an extension could not be loaded", { ...error })
        const loaded = snapshot.modules.map(({ found }) => found.moduleName)
        if (loaded.length > 0) log.info("extensions are loaded", { extensions: loaded })
      },
      (error: unknown) => log.error("extensions could not be looked for", { error }),
    )
    return starting
  }

  /** All or nothing. The second at a time is `busy`. */
  async function reload(): Promise<Reloaded> {
    const reloadId = newId()
    if (reloading) return { result: "busy", reloadId, before: current.version }
    reloading = true
    try {
      await starting
      const before = current.version
      const next = await build()
      if (next.errors.length > 0 || closed) {
        await next.generation?.close({ drain: false })
        return { result: "failed", reloadId, before, errors: next.errors }
      }
      swap(next)
      return { result: "loaded", reloadId, before, snapshot: next, rows: loadedRows(next) }
    } finally {
      reloading = false
    }
  }

  /** Runs all handlers of the event, in their order. Never rejects; no handler, no envelope. */
  async function emit(event: Emitted): Promise<Envelope[]> {
    const { handlers, generation } = current
    const subscriptions = handlers.get(event.type)
    if (!subscriptions || !generation) return []
    return await dispatch(subscriptions, event, generation.run)
  }

  function dropped(type: string): void {
    for (const { moduleName } of current.handlers.get(type) ?? []) countsOf(moduleName).droppedEvents++
  }

  return {
    start,
    reload,
    emit,
    /** At most once, and without an answer: an `app_server.*` event. */
    feed: (event: Fed): void => feed.give(event),
    hears: (type: string): boolean => current.handlers.has(type),
    /** Every type that somebody hears. */
    heard: (): readonly string[] => [...current.handlers.keys()],
    version: (): string => current.version,
    names: (): string[] => current.modules.map(({ found }) => found.moduleName),
    /** The agents by their id: their folders, and the actions that they declare. */
    agents: () =>
      current.modules.map(({ found }) => ({
        agentId: identityOf(found).agentId,
        folder: found.folder,
        actions: found.manifest?.capabilities?.actions,
      })),
    inventory: () => ({
      snapshotVersion: current.version,
      loadedAt: current.loadedAt,
      modules: current.modules.map((one) => shownModule(one, countsOf(one.found.moduleName).report())),
      errors: current.errors,
    }),
    pids: (): number[] => current.generation?.pids() ?? [],
    async close(): Promise<void> {
      closed = true
      feed.clear()
      await starting
      const all = current.generation ? [...leaving, current.generation] : [...leaving]
      await Promise.all(all.map((generation) => generation.close({ drain: false })))
    },
  }
}
export type Host = ReturnType<typeof createHost>

/** The brief rows that a reload answers. */
interface LoadedRow {
  name: string
  version: string
  agentId: string
  events: string[]
}
const loadedRows = ({ modules }: Snapshot): LoadedRow[] =>
  modules.map((module) => {
    const { name, version, agentId } = identityOf(module.found)
    return { name, version, agentId, events: eventsOf(module) }
  })
