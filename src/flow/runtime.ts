// The runtime engine put to our use: which program it runs, with what environment, and where its stderr goes.

import type { Config } from "../base/config/config.ts"
import type { Clock } from "../base/kit/clock.ts"
import type { Logger } from "../base/observe/logger.ts"
import { ABSENT, findBinary } from "../base/platform/find-binary.ts"
import type { Platform } from "../base/platform/port.ts"
import type { Processes } from "../base/platform/processes.ts"
import { openRotatingFile } from "../base/platform/rotating.ts"
import type { Program } from "../engine/runtime/child.ts"
import type { MethodCache } from "../engine/runtime/methods.ts"
import type { RunStore } from "../engine/runtime/reap.ts"
import { createSupervisor } from "../engine/runtime/supervisor.ts"
import type { CallEnd } from "./kept/tracing.ts"

export interface RuntimeNeeds {
  platform: Pick<Platform, "spawn">
  clock: Clock
  processes: Processes
  config: Config
  codexHome: string | undefined
  houseId: string
  runStore: RunStore
  methodCache: MethodCache
  log: Logger
  logFolder: string
  version: string
  mask(text: string): string
  /** Told how long each call took, and how it failed if it did. */
  onCall?(method: string, ms: number, error?: unknown): void
  /** Told of a call that begins; what it gives is told how that ended. */
  traceCall?: ((method: string) => CallEnd) | undefined
}

const STDERR_LIMIT = 5 * 1024 * 1024
const MIB = 1024 * 1024

/** A supervisor that is not started yet, and the file that the child's stderr goes to. */
export function openRuntime(needs: RuntimeNeeds) {
  const { config, codexHome, log } = needs
  const stderrLog = openRotatingFile({
    path: `${needs.logFolder}/codex.log`,
    limitBytes: STDERR_LIMIT,
    keep: 3,
  })
  const { childEnv, codexBin: wanted, workspaceRoot: cwd, programDir: beside } = config
  const program = async (): Promise<Program | undefined> => {
    const found = findBinary({ wanted, path: childEnv.PATH ?? "", cwd, beside })
    return found && { command: [found.file, "app-server"], env: { PATH: found.path }, key: found.key }
  }
  const supervisor = createSupervisor({
    platform: needs.platform,
    clock: needs.clock,
    processes: needs.processes,
    program,
    absentReason: wanted ? `CODEX_BIN=${wanted} names no program that can be run` : ABSENT,
    env: { ...childEnv, ...(codexHome !== undefined && { CODEX_HOME: codexHome }) },
    cwd,
    clientInfo: { name: "codexd", title: "codexd", version: needs.version },
    houseId: needs.houseId,
    log,
    runStore: needs.runStore,
    methodCache: needs.methodCache,
    lineLimitBytes: config.codexLineLimitMib * MIB,
    onStderr(line) {
      try {
        stderrLog.line(needs.mask(line))
      } catch (error) {
        log.debug("the child's stderr could not be kept", { error })
      }
    },
  })
  const use = createUse(needs.clock)
  return { supervisor: { ...supervisor, call: timed(supervisor.call, needs, use) }, stderrLog, use }
}

type Call = ReturnType<typeof createSupervisor>["call"]

const timed =
  (call: Call, { clock, onCall, traceCall }: RuntimeNeeds, use: Use): Call =>
  async (method, params, options) => {
    const began = clock.mono()
    const ended = traceCall?.(method)
    using _used = use.by(method)
    try {
      const result = await call(method, params, options)
      onCall?.(method, clock.mono() - began)
      ended?.({ result })
      return result
    } catch (error) {
      onCall?.(method, clock.mono() - began, error)
      ended?.({ error })
      throw error
    }
  }

/** Asked by ourselves on a cadence: nobody needs the child for it. */
const OWN = new Set(["thread/list"])

/** Who needs the child, and when it was needed last. */
function createUse(clock: Clock) {
  let underWay = 0
  let lastAt = clock.mono()
  return {
    by(method: string): Disposable {
      underWay++
      if (!OWN.has(method)) lastAt = clock.mono()
      return {
        [Symbol.dispose]() {
          underWay--
          if (!OWN.has(method)) lastAt = clock.mono()
        },
      }
    },
    underWay: (): number => underWay,
    idleMs: (): number => clock.mono() - lastAt,
  }
}
export type Use = ReturnType<typeof createUse>
