// Codex's own methods as clients reach them: each with its deadline (decisions 13), called off when the client goes away,
// secrets of logins masked from then on, lists shared by those who ask at once.

import { Fault } from "../../base/fault.ts"
import type { Clock } from "../../base/kit/clock.ts"
import { newId } from "../../base/kit/ids.ts"
import { TIMERS } from "../../base/kit/timers.ts"
import type { Masks } from "../../base/observe/logger.ts"
import type { Codex } from "../../engine/runtime/codex.ts"
import type { RawAnswer } from "../../engine/runtime/protocol/pass.ts"
import type { Supervisor } from "../../engine/runtime/supervisor.ts"
import { secretsIn } from "./secrets.ts"
import { createShared } from "./shared.ts"

export interface PassNeeds {
  codex: Pick<Codex, "pass" | "passRaw">
  supervisor: Pick<Supervisor, "state" | "has" | "quirks">
  clock: Clock
  masks: Masks
  onFault(error: unknown): void
}

export interface Passed {
  method: string
  params?: unknown
  /** The client: it may go away. */
  signal?: AbortSignal | undefined
  about?: Record<string, unknown> | undefined
}
export interface Command {
  command: string[]
  cwd: string | null
  timeoutMs: number | null
}

const BARE_KEY = /^[A-Za-z0-9_-]+$/
/** The longest time that a timer takes. */
const LONGEST_MS = 2 ** 31 - 1

export function createPassing({ codex, supervisor, clock, masks, onFault }: PassNeeds) {
  const shared = createShared<unknown>({ clock, keepMs: TIMERS.sharedAnswerMs })
  const deadlineMs = TIMERS.callDeadlineMs

  const read = (call: Passed): Promise<unknown> => codex.pass({ ...call, deadlineMs })
  /** What was read before may be different now, also when the answer is lost. */
  const write = (call: Passed, slow = false): Promise<unknown> =>
    codex.pass({ ...call, deadlineMs: slow ? TIMERS.slowCallDeadlineMs : deadlineMs }).finally(shared.forget)

  /** The key of a configuration by its parts. Throws `invalid_params` where the binary would take it for another one. */
  function keyOf(parts: string[], method: string): string {
    const odd = parts.find((part) => !BARE_KEY.test(part))
    if (odd !== undefined && !supervisor.quirks().quotesKeys)
      throw new Fault("invalid_params", `this Codex can't name the key ${JSON.stringify(odd)}`, { method })
    return parts.map((part) => (BARE_KEY.test(part) ? part : JSON.stringify(part))).join(".")
  }

  return {
    keyOf,
    read,
    write,
    /** Waits for people or uploads. */
    slowly: (call: Passed) => write(call, true),
    /** One call for everybody who asks the same within a moment; `fresh` asks anew, for all. */
    list({ signal, ...call }: Passed, { fresh }: { fresh: boolean }): Promise<unknown> {
      const key = JSON.stringify([supervisor.state().runId, call.method, call.params])
      return shared.ask({ key, fresh, signal, call: (signal) => read({ ...call, signal }) })
    },
    /** `secrets` of the login are in no log, frame or store from now on (decisions 34). */
    logIn(call: Passed, secrets: string[]): Promise<unknown> {
      for (const secret of secrets) masks.add(secret)
      return write(call, true)
    },
    /** Any method, as it is: the child's own result or its own error. */
    rpc(call: Passed): Promise<RawAnswer> {
      for (const secret of secretsIn(call.params)) masks.add(secret)
      const { timeoutMs } = (call.params ?? {}) as { timeoutMs?: unknown }
      const own = typeof timeoutMs === "number" ? timeoutMs + TIMERS.execSlackMs : deadlineMs
      return codex
        .passRaw({ ...call, deadlineMs: Math.min(Math.max(own, deadlineMs), LONGEST_MS) })
        .finally(shared.forget)
    },
    /** A command that nobody waits for any more is ended, where the binary can do that. */
    async run(command: Command, call: Omit<Passed, "method" | "params">): Promise<unknown> {
      const stops = supervisor.has("command/exec/terminate") === true
      const processId = stops ? newId() : undefined
      const params = { ...command, sandboxPolicy: null, ...(processId && { processId }) }
      const own = command.timeoutMs === null ? deadlineMs : command.timeoutMs + TIMERS.execSlackMs
      const passed = codex.pass({
        ...call,
        method: "command/exec",
        params,
        deadlineMs: Math.min(own, LONGEST_MS),
      })
      const stop = () => {
        const ended = { method: "command/exec/terminate", params: { processId }, deadlineMs }
        if (processId) codex.pass(ended).catch(onFault)
      }
      call.signal?.addEventListener("abort", stop, { once: true })
      return passed.finally(() => call.signal?.removeEventListener("abort", stop))
    },
  }
}
export type Passing = ReturnType<typeof createPassing>
