// The plan of `codexd doctor`: what app.ts is to the daemon. It opens what a daemon would open, looks and closes.

import type { Config } from "./base/config/config.ts"
import { placesOf } from "./base/config/places.ts"
import { newestAt } from "./base/events/rows/store.ts"
import type { Clock } from "./base/kit/clock.ts"
import { newId } from "./base/kit/ids.ts"
import { createLogger, createMasks } from "./base/observe/logger.ts"
import { ABSENT, findBinary } from "./base/platform/find-binary.ts"
import { exists, freshFolder, removeFolder } from "./base/platform/folders.ts"
import type { Platform } from "./base/platform/port.ts"
import { createProcesses } from "./base/platform/processes.ts"
import { lockHolder } from "./base/storage/lock.ts"
import { checkDatabase } from "./base/storage/migrate.ts"
import { MIGRATIONS } from "./base/storage/migrations/index.ts"
import type { Reader } from "./base/storage/port.ts"
import { readHouse, runStatements } from "./domain/runs/store.ts"
import type { Inspection } from "./edge/cli/needs.ts"
import type { RuntimeState } from "./engine/runtime/lifecycle.ts"
import { findSurvivors, type Run, reapSurvivors } from "./engine/runtime/reap.ts"
import { createSupervisor } from "./engine/runtime/supervisor.ts"

export interface InspectionNeeds {
  platform: Platform
  clock: Clock
}

/** What the doctor can look at. Everything but `binary` is only for a data folder that no daemon holds. */
export function createInspection({ platform, clock }: InspectionNeeds): Inspection {
  const log = createLogger({ clock, level: "silent", write: () => undefined, mask: createMasks() })
  const runsOf = (config: Config): { houseId: string; runs: Run[] } | undefined => {
    const { database } = placesOf(config)
    if (!exists(database)) return undefined
    const reader = openReader(platform, database)
    try {
      const houseId = readHouse(reader, "id")
      return houseId === undefined ? undefined : { houseId, runs: runStatements.unfinished(reader) }
    } finally {
      reader.close()
    }
  }
  return {
    binary: (config) => tryBinary({ platform, clock }, config),
    lockHolder: ({ dataDir }) => (exists(dataDir) ? lockHolder(dataDir) : undefined),
    database(config) {
      const { database } = placesOf(config)
      if (!exists(database)) return []
      const driver = platform.openDatabase(database)
      try {
        return checkDatabase(driver, MIGRATIONS.length)
      } finally {
        driver.close()
      }
    },
    newestAt(config) {
      const { database } = placesOf(config)
      if (!exists(database)) return undefined
      const reader = openReader(platform, database)
      try {
        return newestAt(reader)
      } finally {
        reader.close()
      }
    },
    leftovers(config) {
      const runs = runsOf(config)
      const found = runs ? findSurvivors({ processes: createProcesses(), ...runs }) : []
      return found.map(({ row }) => ({ pid: row.pid, command: row.name }))
    },
    async reap(config) {
      const runs = runsOf(config)
      if (!runs) return []
      const reaped = await reapSurvivors({ processes: createProcesses(), clock, log, ...runs })
      return reaped.map(({ pid, name }) => ({ pid, command: name }))
    },
  }
}

function openReader(platform: Platform, path: string): Reader & { close(): void } {
  const driver = platform.openDatabase(path)
  return {
    get: (sql, ...values) => driver.prepare(sql).get(...values),
    all: (sql, ...values) => driver.prepare(sql).all(...values),
    close: () => driver.close(),
  }
}

/** Starts the binary once, in an empty home, and lets it introduce itself. */
async function tryBinary({ platform, clock }: InspectionNeeds, config: Config) {
  const { codexBin: wanted, childEnv, workspaceRoot: cwd, programDir: beside, dataDir } = config
  const found = findBinary({ wanted, path: childEnv.PATH ?? "", cwd, beside })
  if (!found) throw new Error(wanted ? `CODEX_BIN=${wanted} names no program that can be run` : ABSENT)
  await using scope = new AsyncDisposableStack()
  const home = scope.adopt(freshFolder(`${dataDir}-doctor-`), removeFolder)
  const supervisor = createSupervisor({
    platform,
    clock,
    processes: createProcesses(),
    program: async () => ({ command: [found.file, "app-server"], env: { PATH: found.path }, key: found.key }),
    absentReason: ABSENT,
    env: { ...childEnv, CODEX_HOME: home },
    cwd,
    clientInfo: { name: "codexd-doctor", title: "codexd doctor", version: "0" },
    houseId: `doctor-${newId()}`,
    log: createLogger({ clock, level: "silent", write: () => undefined, mask: createMasks() }),
    runStore: { begin() {}, spawned() {}, thread() {}, ended() {}, unfinished: () => [] },
    methodCache: { get: () => undefined, put() {} },
  })
  scope.defer(() => supervisor.stop())
  const settled = Promise.withResolvers<RuntimeState>()
  scope.use(
    supervisor.onState((state) => {
      if (state.name === "ready") settled.resolve(state)
      if (state.name === "waiting" || state.name === "broken") {
        settled.reject(new Error(`${found.file} does not start: ${state.reason ?? "no reason given"}`))
      }
    }),
  )
  supervisor.start()
  const { version = "unknown version", methods } = await settled.promise
  return { path: found.file, version, methods: methods.count }
}
