// Calls that are handed on for somebody else: any method, with a deadline and a signal of its own, the ids in it mapped
// both ways (decisions 14). What the binary's own list doesn't have is not called.

import { Fault } from "../../../base/fault.ts"
import type { Supervisor } from "../supervisor.ts"
import type { Aliases } from "../threads/aliases.ts"
import { faultOf } from "./faults.ts"
import { RpcError } from "./wire.ts"

export interface PassNeeds {
  supervisor: Pick<Supervisor, "call" | "has" | "callable">
  aliases: Pick<Aliases, "into" | "outOf">
}
export interface PassedCall {
  method: string
  /** Absent where the method takes none. */
  params?: unknown
  deadlineMs: number
  /** Nobody waits any more. A call that the child has already is not unmade: its answer is dropped, and counted as late. */
  signal?: AbortSignal | undefined
  /** Into the body of a fault, beside the method. */
  about?: Record<string, unknown> | undefined
}

export function createPass({ supervisor, aliases }: PassNeeds) {
  async function call({ method, params, deadlineMs, signal, about }: PassedCall): Promise<unknown> {
    if (supervisor.callable() && supervisor.has(method) === false)
      throw new Fault("method_not_supported", `this Codex has no ${method}`, { method, ...about })
    const options = { deadlineMs, ...(signal && { signal }) }
    return aliases.outOf(await supervisor.call(method, aliases.into(params), options))
  }

  /** Throws the faults of wire-contract §0.3; `method_not_supported` without a call where the list says so. */
  const pass = (passed: PassedCall): Promise<unknown> =>
    call(passed).catch((error) => {
      throw faultOf(error, { method: passed.method, ...passed.about })
    })

  /** The same with the child's own word where it refuses. */
  const passRaw = (passed: PassedCall): Promise<RawAnswer> =>
    call(passed).then(
      (result) => ({ result: result ?? null }),
      (error) => {
        if (!(error instanceof RpcError)) throw faultOf(error, { method: passed.method })
        const { code, message, data } = error
        return { error: { code, message, ...(data !== undefined && { data }) } }
      },
    )
  return { pass, passRaw }
}

export type RawAnswer = { result: unknown } | { error: { code: number; message: string; data?: unknown } }
