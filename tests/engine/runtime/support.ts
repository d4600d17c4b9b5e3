// A supervisor over a real program in a home of its own, with ears for everything it tells.

import { join } from "node:path"
import { type Clock, systemClock } from "../../../src/base/kit/clock.ts"
import type { Logger } from "../../../src/base/observe/logger.ts"
import { spawnOnBun } from "../../../src/base/platform/bun-spawn.ts"
import { createProcesses } from "../../../src/base/platform/processes.ts"
import type { Program } from "../../../src/engine/runtime/child.ts"
import type { RunExit, RuntimeState } from "../../../src/engine/runtime/lifecycle.ts"
import type { Message } from "../../../src/engine/runtime/protocol/wire.ts"
import type { Run, RunStore } from "../../../src/engine/runtime/reap.ts"
import { createSupervisor, type SupervisorNeeds } from "../../../src/engine/runtime/supervisor.ts"
import { openTestHome } from "../../support/raw-codex.ts"

export const FAKE = join(import.meta.dirname, "../../fakes/codex")
const NET_MS = 30_000

export interface Logged {
  level: string
  message: string
  fields: Record<string, unknown> | undefined
}

export function createTestLog() {
  const lines: Logged[] = []
  const at = (level: string) => (message: string, fields?: Record<string, unknown>) => {
    lines.push({ level, message, fields })
  }
  const log: Logger = {
    fatal: at("fatal"),
    error: at("error"),
    warn: at("warn"),
    info: at("info"),
    debug: at("debug"),
    trace: at("trace"),
    child: () => log,
  }
  return { log, lines }
}

export function createTestRuns() {
  const runs = new Map<string, Run & { ended: boolean }>()
  const change = (id: string, how: (run: Run & { ended: boolean }) => void) => {
    const run = runs.get(id)
    if (run) how(run)
  }
  const store: RunStore = {
    begin: ({ id, startedAt }) => void runs.set(id, { id, startedAt, threads: [], ended: false }),
    spawned: (id, spawn) => change(id, (run) => Object.assign(run, spawn)),
    thread: (id, threadId) => change(id, (run) => run.threads.push(threadId)),
    ended: (id) =>
      change(id, (run) => {
        run.ended = true
      }),
    unfinished: () => [...runs.values()].filter((run) => !run.ended),
  }
  return { store, runs }
}

export interface RuntimeOptions extends Partial<Omit<SupervisorNeeds, "env">> {
  mischief?: string
  env?: Record<string, string>
  clock?: Clock
  program?: () => Promise<Program | undefined>
}

export function openRuntime({ mischief = "", env = {}, ...more }: RuntimeOptions = {}) {
  const home = openTestHome("runtime")
  const { log, lines: logged } = createTestLog()
  const { store, runs } = createTestRuns()
  const learned = new Map<string, string[]>()
  const houseId = `test${crypto.randomUUID().replaceAll("-", "")}`
  const supervisor = createSupervisor({
    platform: { spawn: spawnOnBun },
    clock: systemClock,
    processes: createProcesses(),
    program: async () => ({ command: [FAKE, "app-server"], key: "fake" }),
    absentReason: "there is no codex: install it",
    env: {
      PATH: process.env.PATH ?? "",
      HOME: home.path,
      CODEX_HOME: home.path,
      FAKE_CODEX: mischief,
      ...env,
    },
    cwd: home.path,
    clientInfo: { name: "codexd", title: "codexd tests", version: "1" },
    houseId,
    log,
    runStore: store,
    methodCache: { get: (key) => learned.get(key), put: (key, methods) => void learned.set(key, methods) },
    ...more,
  })
  const heard: Message[] = []
  const states: RuntimeState[] = []
  const exits: RunExit[] = []
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const look of [...waiting]) look()
  }
  supervisor.onMessages((batch) => {
    heard.push(...batch)
    wake()
  })
  supervisor.onState((state) => {
    states.push(state)
    wake()
  })
  supervisor.onExit((exit) => {
    exits.push(exit)
    wake()
  })

  /** Resolves when `look` finds something; looks at whatever the supervisor tells. */
  const until = <T>(what: string, look: () => T | undefined | false): Promise<T> =>
    new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(net)
        waiting.delete(again)
      }
      const again = () => {
        const found = look()
        if (found === undefined || found === false) return
        end()
        resolve(found)
      }
      const net = setTimeout(() => {
        end()
        const last = JSON.stringify({ state: supervisor.state(), logged: logged.slice(-4) }, null, 1)
        reject(new Error(`deadline waiting for ${what}: ${last}`))
      }, NET_MS)
      waiting.add(again)
      again()
    })
  const inState = (name: RuntimeState["name"]) =>
    until(`state ${name}`, () => supervisor.state().name === name && supervisor.state())
  const message = (method: string, from = 0) =>
    until(method, () => heard.slice(from).find((m) => m.method === method))
  const call = async (
    method: string,
    params: unknown,
    deadlineMs = NET_MS,
  ): Promise<Record<string, unknown>> =>
    (await supervisor.call(method, params, { deadlineMs })) as Record<string, unknown>
  /** A fresh thread's id. */
  const openThread = async (approvalPolicy = "untrusted"): Promise<string> => {
    const { thread } = await call("thread/start", { cwd: home.path, approvalPolicy })
    const { id } = thread as { id: string }
    const { runId } = supervisor.state()
    if (runId) await store.thread(runId, id)
    return id
  }
  const say = (threadId: string, text: string) =>
    call("turn/start", { threadId, input: [{ type: "text", text, text_elements: [] }] })

  const close = async () => {
    await supervisor.stop({ graceMs: 0 })
    home[Symbol.dispose]()
  }
  return {
    ...{ supervisor, home: home.path, houseId, runs, store, learned, logged, heard, states, exits },
    ...{ until, inState, message, call, openThread, say, [Symbol.asyncDispose]: close },
  }
}
export type TestRuntime = ReturnType<typeof openRuntime>
