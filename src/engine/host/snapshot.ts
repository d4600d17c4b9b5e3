// What is loaded, as the inventory tells it (wire-contract §1.12): one state of the world, made whole and swapped in one step.

import { iso } from "../../base/kit/clock.ts"
import type { Found } from "./found/find.ts"
import type { Compatibility, Trust } from "./found/judge.ts"
import { inOrder, type Subscription } from "./run/dispatch.ts"
import type { Generation } from "./run/generation.ts"
import type { Health } from "./run/health.ts"

export interface LoadError {
  extension: string
  code: string
  message: string
}

export interface LoadedModule {
  found: Found
  compatibility: Compatibility
  trust: Trust
  subscriptions: Subscription[]
}

export interface Snapshot {
  version: string
  loadedAt: string
  modules: LoadedModule[]
  errors: LoadError[]
  generation: Generation | undefined
  /** Event type → handlers in the order in which they run. */
  handlers: ReadonlyMap<string, Subscription[]>
}

/** What there is before anything was loaded. */
export const BOOTSTRAP: Snapshot = {
  version: "bootstrap",
  loadedAt: iso(0),
  modules: [],
  errors: [],
  generation: undefined,
  handlers: new Map(),
}

export function snapshotOf(made: Omit<Snapshot, "handlers">): Snapshot {
  const all = made.modules.flatMap(({ subscriptions }) => subscriptions).sort(inOrder)
  return { ...made, handlers: Map.groupBy(all, ({ type }) => type) }
}

export const identityOf = ({ moduleName, manifest }: Found) => ({
  name: manifest?.name ?? moduleName,
  version: manifest?.version ?? "0.0.0",
  agentId: manifest?.agentId ?? moduleName,
  displayName: manifest?.displayName ?? moduleName,
})

export const eventsOf = ({ subscriptions }: LoadedModule): string[] => [
  ...new Set(subscriptions.map(({ type }) => type)),
]

/** A row of the inventory. */
export function shownModule(module: LoadedModule, health: Health) {
  const { found, compatibility, trust } = module
  const { moduleName, manifestPath, entry, origin, manifest, folder } = found
  const { events = [], actions = [] } = manifest?.capabilities ?? {}
  return {
    moduleName,
    ...identityOf(found),
    manifestPath,
    entrypointPath: entry,
    events: eventsOf(module),
    origin: { type: origin.type, path: folder },
    compatibility,
    capabilities: { events, actions },
    trust,
    diagnostics: [
      ...trust.warnings,
      ...(health.quarantined === null ? [] : [`quarantined: ${health.quarantined}`]),
    ],
    health,
  }
}
