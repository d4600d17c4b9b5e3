// A host of extensions as the daemon opens it, over folders that a test writes. Runs on Bun and Node.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, join } from "node:path"
import { systemClock } from "../../src/base/kit/clock.ts"
import { createLogger, createMasks } from "../../src/base/observe/logger.ts"
import type { Platform } from "../../src/base/platform/port.ts"
import { createHost, type HostNeeds } from "../../src/engine/host/host.ts"
import type { PerformInput } from "../../src/engine/host/run/dispatch.ts"
import { COMMANDS } from "./daemon.ts"

/** The command of a host in each runtime. */
export const HOST_COMMANDS = { bun: [...COMMANDS.bun], node: [...COMMANDS.node] }

export type Sources = Record<string, { events?: string; manifest?: object | string; file?: string }>

export const manifestOf = (name: string, more: object = {}) => ({
  name,
  version: "1.2.3",
  agentId: name,
  displayName: name,
  capabilities: { events: ["*"], actions: ["*"] },
  ...more,
})

/** A folder of extensions, one each; `write` replaces or adds some. Removed on dispose. */
export function openShelf(sources: Sources) {
  const shelf = join(homedir(), ".cache/codexd-tests")
  mkdirSync(shelf, { recursive: true })
  const path = mkdtempSync(join(shelf, "host-"))
  const write = (some: Sources) => {
    for (const [name, { events, manifest = manifestOf(name), file = "events.js" }] of Object.entries(some)) {
      const at = join(path, name, file)
      mkdirSync(dirname(at), { recursive: true })
      if (events !== undefined) writeFileSync(at, events)
      const text = typeof manifest === "string" ? manifest : JSON.stringify(manifest)
      writeFileSync(join(path, name, "extension.manifest.json"), text)
    }
  }
  write(sources)
  return {
    path,
    write,
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }),
  }
}

export interface OpenHostSpec extends Partial<Omit<HostNeeds, "platform" | "host">> {
  platform: Pick<Platform, "spawn" | "name">
  sources: Sources
  memoryMib?: number
}

/** A started host. `performed` are the actions that were asked for; all are performed. */
export async function openHost({ platform, sources, memoryMib = 1024, ...more }: OpenHostSpec) {
  const shelf = openShelf(sources)
  const lines: Record<string, unknown>[] = []
  const clock = systemClock
  const log = createLogger({
    clock,
    level: "debug",
    write: (line) => void lines.push(JSON.parse(line)),
    mask: createMasks(),
  })
  const performed: PerformInput[] = []
  const { PATH = "", HOME = "" } = process.env
  const host = createHost({
    platform,
    clock,
    log,
    host: {
      command: [...HOST_COMMANDS[platform.name], "extension-host"],
      cwd: shelf.path,
      env: { PATH, HOME },
      memoryMib,
    },
    roots: [{ type: "configured_root", path: shelf.path }],
    trustMode: "warn",
    perform: async (input) => {
      performed.push(input)
      return { actionType: input.type, status: "performed", details: { payload: input.payload } }
    },
    tools: {
      enqueueJob: async ([job]) => ({ status: "enqueued", job }),
      getSessionSettings: async ([id]) => ({ of: id }),
      getSessionSetting: async ([id, key]) => `${id}.${key}`,
    },
    ...more,
  })
  await host.start()
  return {
    host,
    shelf,
    lines,
    performed,
    emit: (type: string, payload: unknown = {}) => host.emit({ type, payload, scope: {} }),
    health: (name: string) => {
      const found = host.inventory().modules.find(({ moduleName }) => moduleName === name)
      if (!found) throw new Error(`${name} is not loaded`)
      return found.health
    },
    async [Symbol.asyncDispose]() {
      await host.close()
      shelf[Symbol.dispose]()
    },
  }
}
