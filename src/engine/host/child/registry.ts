// How a module registers: by `registerAgentEvents`, or by its default export being that function or having it.

import type { LOAD_FAILURES } from "../link/wire.ts"

export type Module = Record<string, unknown>

export interface Registered {
  type: string
  priority: number
  timeoutMs: number
  handle(event: unknown, tools: unknown): unknown
}

const PRIORITY = 100
const TIMEOUT_MS = 30_000
/** A longer limit would be none. */
const MAX_TIMEOUT_MS = 3_600_000

interface Failed {
  code: (typeof LOAD_FAILURES)[number]
  message: string
}

/** Lets the module register; the handlers in the order of `on`. */
export async function registerWith(module: Module): Promise<{ handlers: Registered[] } | { failed: Failed }> {
  const register = registerOf(module)
  if (!register) {
    const message = "it exports no registerAgentEvents(registry), by that name or as its default"
    return { failed: { code: "missing_register", message } }
  }
  const handlers: Registered[] = []
  let open = true
  const on = (type: unknown, handle: unknown, options: unknown): void => {
    if (!open) throw new Error("registering is over")
    if (typeof type !== "string" || type.trim() === "") throw new Error("on: the event type must be a text")
    if (typeof handle !== "function")
      throw new Error(`on(${JSON.stringify(type)}): the handler is no function`)
    handlers.push({ type, handle: handle as Registered["handle"], ...limits(options) })
  }
  try {
    await register({ on })
  } catch (error) {
    const message = error instanceof Error ? error.message || error.name : String(error)
    return { failed: { code: "registration_failed", message } }
  }
  open = false
  return { handlers }
}

function registerOf(module: Module): ((registry: unknown) => unknown) | undefined {
  const { registerAgentEvents: named, default: given } = module
  const inside = typeof given === "object" && given !== null ? (given as Module).registerAgentEvents : given
  const found = typeof named === "function" ? named : inside
  return typeof found === "function" ? (found as (registry: unknown) => unknown) : undefined
}

function limits(options: unknown): Pick<Registered, "priority" | "timeoutMs"> {
  const { priority, timeoutMs } = (options ?? {}) as { priority?: unknown; timeoutMs?: unknown }
  const limit = typeof timeoutMs === "number" && timeoutMs > 0 ? timeoutMs : TIMEOUT_MS
  return {
    priority: typeof priority === "number" && Number.isFinite(priority) ? Math.floor(priority) : PRIORITY,
    timeoutMs: Math.min(Math.ceil(limit), MAX_TIMEOUT_MS),
  }
}
