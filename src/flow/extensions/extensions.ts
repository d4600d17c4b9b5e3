// The engine of extensions bound to our words: where they are looked for, what they are offered, what their tools do. One
// call of the plan.

import type { Config } from "../../base/config/config.ts"
import type { Log } from "../../base/events/log.ts"
import { Fault } from "../../base/fault.ts"
import type { Clock } from "../../base/kit/clock.ts"
import type { Logger } from "../../base/observe/logger.ts"
import type { Platform } from "../../base/platform/port.ts"
import { reentry } from "../../base/platform/self.ts"
import type { Db } from "../../base/storage/port.ts"
import { createAudit } from "../../domain/audit/audit.ts"
import type { Envelope } from "../../engine/host/contract.ts"
import type { Carried, Root } from "../../engine/host/found/find.ts"
import { createHost, type Reloaded, type Tool } from "../../engine/host/host.ts"
import { HOST_COMMAND } from "../../engine/host/link/command.ts"
import type { Perform, Scope } from "../../engine/host/run/dispatch.ts"
import type { Rooms } from "../rooms.ts"
import { recordOf } from "./audit.ts"
import { deliverOffers } from "./deliver.ts"
import { noteWaiting } from "./note.ts"
import { scopeOf } from "./scope.ts"
import { hearSignals } from "./signals.ts"

export interface ExtensionsNeeds {
  config: Config
  platform: Platform
  clock: Clock
  db: Db
  log: Log
  logger: Logger
  rooms: Rooms
  /** The actions table. */
  perform: Perform
  /** `tools.enqueueJob`. */
  enqueue: Tool
  /** Extensions inside the program. */
  carried: Carried
  onFault(error: unknown): void
}

export function createExtensions(needs: ExtensionsNeeds) {
  const { config, platform, clock, db, log, logger, rooms, perform, enqueue, carried, onFault } = needs
  const trustMode = config.agentExtensionTrustMode
  /** Why the queue refused a job of an event's handler. */
  const refusals = new WeakMap<Scope, Fault>()
  const remembering: Tool = async (args, caller) => {
    try {
      return await enqueue(args, caller)
    } catch (error) {
      if (error instanceof Error && error.cause instanceof Fault) refusals.set(caller.scope, error.cause)
      throw error
    }
  }
  const host = createHost({
    platform,
    clock,
    log: logger,
    host: {
      command: [...reentry(config.programDir), HOST_COMMAND],
      cwd: config.workspaceRoot,
      env: envOf(config),
      memoryMib: config.agentExtensionMemoryMib,
    },
    roots: rootsOf(config),
    without: withoutOf(config),
    carried,
    trustMode,
    perform,
    tools: { enqueueJob: remembering, ...settingsTools(rooms) },
  })
  const audit = createAudit({ db, clock, file: `${config.dataDir}/agent-extension-audit.json`, onFault })
  const offers = deliverOffers({ db, log, logger, clock, rooms, host })
  const signals = hearSignals({ log, host, isDeleted: (id) => rooms.tombstones.has(id) })

  return {
    inventory: host.inventory,
    version: host.version,
    reload: host.reload,
    /** At the command line: whoever has it has the daemon. */
    async reloadByHand(actorId: string): Promise<Reloaded> {
      const outcome = await host.reload()
      const actor = { role: "owner", id: actorId }
      await audit.record(recordOf({ actor, origin: { ip: null, userAgent: null }, trustMode }, outcome))
      return outcome
    },
    audit,
    trustMode,
    agents: host.agents,
    hears: host.hears,
    /** An event of ours that the caller waits for, `suggest_request.requested`: what its handlers came to, and why the queue
     * refused one of them, if it did. */
    async ask(
      type: string,
      payload: unknown,
    ): Promise<{ envelopes: Envelope[]; refusal: Fault | undefined }> {
      await host.start()
      const scope = scopeOf(payload)
      const envelopes = await host.emit({ type, payload, scope })
      return { envelopes, refusal: refusals.get(scope) }
    },
    /** Loads what is there; never rejects. What waited for it is delivered then. */
    async start(): Promise<void> {
      await host.start()
      await db.act((tx) => noteWaiting(rooms, tx)).catch(onFault)
      offers.begin()
    },
    async [Symbol.asyncDispose](): Promise<void> {
      signals[Symbol.dispose]()
      offers[Symbol.dispose]()
      await host.close()
    },
  }
}
export type Extensions = ReturnType<typeof createExtensions>

/** The checkout's own folder, then what the operator names. A folder that merely lies in a workspace is never loaded unasked. */
function rootsOf(config: Config): Root[] {
  const { programDir, workspaceRoot, agentExtensionPackageRoots, agentExtensionConfiguredRoots } = config
  const own = programDir.endsWith("/src") ? [`${programDir.slice(0, -"/src".length)}/extensions`] : []
  const workspace = config.agentExtensionWorkspace ? [`${workspaceRoot}/extensions`] : []
  const root = (type: Root["type"]) => (path: string) => ({ type, path })
  return [
    ...[...new Set([...workspace, ...own])].map(root("repo_local")),
    ...agentExtensionPackageRoots.map(root("installed_package")),
    ...agentExtensionConfiguredRoots.map(root("configured_root")),
  ]
}

/** What could do nothing need not run: nothing is sent unsigned, and without a queue there are no workers. */
function withoutOf({
  agentExtensionWithout,
  webhookSigningSecret,
  orchestratorQueueEnabled,
}: Config): string[] {
  return [
    ...agentExtensionWithout,
    ...(webhookSigningSecret ? [] : ["notifier"]),
    ...(orchestratorQueueEnabled ? [] : ["supervisor"]),
  ]
}

/** Without the daemon's secrets and without the model's key. */
function envOf({ childEnv }: Config): Record<string, string> {
  const { OPENAI_API_KEY: _, ...rest } = childEnv
  return rest
}

function settingsTools({ controls, sessions }: Rooms): Record<string, Tool> {
  const settingsOf = (sessionId: unknown, { scope }: { scope: Scope }): Record<string, unknown> => {
    if (typeof sessionId !== "string" || sessionId === "") throw new Error("a session's id is expected")
    if (scope.sessionId !== undefined && scope.sessionId !== sessionId)
      throw new Error("the settings of another session than the event's are not for its handlers")
    const session = sessions.find(sessionId)
    return session ? controls.of(session.id).settings : controls.defaults().settings
  }
  return {
    getSessionSettings: async ([sessionId], caller) => settingsOf(sessionId, caller),
    getSessionSetting: async ([sessionId, key], caller) => {
      const settings = settingsOf(sessionId, caller)
      return typeof key === "string" && Object.hasOwn(settings, key) ? settings[key] : undefined
    },
  }
}
