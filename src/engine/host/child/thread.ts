// The thread of one extension: it imports the module, lets it register, and runs its handlers one message at a time. Tools
// are open while their handler runs; what is sent later is refused here and recorded. Only ever runs in a host's thread.

import type { Clock } from "../../../base/kit/clock.ts"
import type { Upward } from "../../../base/platform/self.ts"
import type { FromThread, ToThread } from "../link/wire.ts"
import { createLogTool } from "./log-tool.ts"
import { type Module, type Registered, registerWith } from "./registry.ts"

export interface ThreadNeeds {
  up: Upward
  clock: Clock
  /** Imports a module by its file, or one inside the binary. */
  importModule(entry: string): Promise<Module>
  takePrinting(hear: (level: "info" | "error", text: string) => void): void
}

/** Calls of tools that wait for an answer, at a time. */
const MAX_CALLS = 16
/** Of a result, and of a tool's arguments. */
const MAX_BYTES = 1024 * 1024

interface Invocation {
  open: boolean
}

/** Serves this thread until it is ended from outside. */
export function serveThread({ up, clock, importModule, takePrinting }: ThreadNeeds): void {
  const post = (message: FromThread) => up.post(message)
  const calls = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  const log = createLogTool(post)
  let handlers: Registered[] = []
  let lastCall = 0

  async function load(entry: string): Promise<void> {
    let module: Module
    try {
      module = await importModule(entry)
    } catch (error) {
      return post({ t: "failed", code: "import_failed", message: said(error) })
    }
    const outcome = await registerWith(module)
    if ("failed" in outcome) return post({ t: "failed", ...outcome.failed })
    handlers = outcome.handlers
    post({ t: "loaded", handlers: handlers.map(({ handle: _, ...told }) => told) })
  }

  async function run({ id, h, ms, type, payload }: Extract<ToThread, { t: "run" }>): Promise<void> {
    const invocation: Invocation = { open: true }
    using _ = clock.after(ms, () => {
      if (!invocation.open) return
      invocation.open = false
      post({ t: "timeout", id })
    })
    const end = (message: FromThread) => {
      if (invocation.open) post(message)
      else log.late("a result")
      invocation.open = false
    }
    try {
      const handler = handlers[h]
      if (!handler) throw new Error("there is no such handler")
      end(resultOf(id, await handler.handle({ type, payload }, toolsOf(id, invocation))))
    } catch (error) {
      end({ t: "threw", id, error: said(error) })
    }
  }

  function toolsOf(id: number, invocation: Invocation) {
    const call =
      (tool: string) =>
      (...args: unknown[]): Promise<unknown> => {
        if (!invocation.open) {
          log.late(tool)
          return Promise.reject(new Error(`${tool}: the handler's time is over`))
        }
        if (calls.size >= MAX_CALLS)
          return Promise.reject(new Error(`${tool}: more than ${MAX_CALLS} calls at a time`))
        const text = JSON.stringify(args)
        if (text.length > MAX_BYTES) return Promise.reject(new Error(`${tool}: its arguments are too large`))
        const { promise, resolve, reject } = Promise.withResolvers<unknown>()
        calls.set(++lastCall, { resolve, reject })
        post({ t: "call", id, call: lastCall, tool, args: JSON.parse(text) as unknown[] })
        return promise
      }
    return {
      enqueueJob: call("enqueueJob"),
      getSessionSettings: call("getSessionSettings"),
      getSessionSetting: call("getSessionSetting"),
      logger: log.logger(() => {
        if (!invocation.open) log.late("logger")
        return invocation.open
      }),
    }
  }

  function answer({ call, ok, value }: Extract<ToThread, { t: "answer" }>): void {
    const waiting = calls.get(call)
    calls.delete(call)
    if (ok) waiting?.resolve(value)
    else waiting?.reject(new Error(String(value)))
  }

  takePrinting(log.printed)
  up.onUnhandled((error) => post({ t: "unhandled", error: said(error) }))
  up.onMessage((raw) => {
    const message = raw as ToThread
    if (message.t === "run") void run(message)
    else if (message.t === "answer") answer(message)
    else if (message.t === "credit") log.credit(message.lines)
    else void load(message.entry)
  })
}

function resultOf(id: number, value: unknown): FromThread {
  if (value === undefined) return { t: "done", id }
  const text = JSON.stringify(value)
  if (text === undefined) return { t: "done", id }
  if (text.length > MAX_BYTES) return { t: "threw", id, error: "its result is larger than 1 MiB" }
  return { t: "done", id, value: JSON.parse(text) }
}

const said = (error: unknown): string =>
  (error instanceof Error ? error.message || error.name : String(error)).slice(0, 4_000)
