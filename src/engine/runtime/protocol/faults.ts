// What a failed call to the child is in our catalogue (wire-contract §0.3, in the order that it recommends).

import { Fault, type FaultCode } from "../../../base/fault.ts"
import { PeerFailure, RPC, RpcError } from "./wire.ts"

export interface Called {
  method: string
  [key: string]: unknown
}

const INVALID_PARAMS = -32602

/** A fault whose body names what was called. Faults pass through as they are. */
export function faultOf(error: unknown, called: Called): Fault {
  if (error instanceof Fault) return error
  if (error instanceof RpcError)
    return new Fault(codeOf(error, called.method), `${error.code}: ${error.message}`, called, {
      cause: error,
    })
  if (error instanceof PeerFailure) return failureOf(error, called)
  throw error
}

function failureOf(failure: PeerFailure, about: Called): Fault {
  // Whoever must not do it twice reads this (decisions 17).
  const called = failure.maybeWritten ? { ...about, delivered: "unknown" } : about
  switch (failure.kind) {
    case "deadline":
      return new Fault("codex_timeout", failure.message, called, { cause: failure })
    case "overloaded":
      return new Fault("codex_overloaded", failure.message, called, { cause: failure })
    case "gone":
    case "aborted":
    case "not_open":
      return new Fault(
        "runtime_unavailable",
        failure.message,
        failure.maybeWritten ? { delivered: "unknown" } : {},
        { cause: failure },
      )
  }
}

function codeOf({ code, message }: RpcError, method: string): FaultCode {
  const text = message.toLowerCase()
  const says = (...phrases: string[]) => phrases.some((phrase) => text.includes(phrase))
  if (code === RPC.methodNotFound || says("method not found", "experimentalapi capability"))
    return "method_not_supported"
  // The same words are said of a method and of a value: `approval_policy = "nonsense"` is no lack of the binary (tried).
  if (says("unknown variant")) return isOfMethod(message, method) ? "method_not_supported" : "invalid_params"
  if (says("unauthorized", "missing bearer or basic authentication", "authentication required"))
    return "auth_required"
  if (code === INVALID_PARAMS || says("missing field", "invalid type", "invalid cursor"))
    return "invalid_params"
  if (isUnknownThread(message) || says("no mcp server named", "invalid login id")) return "not_found"
  if (code === RPC.overloaded) return "codex_overloaded"
  // What doesn't read as the method's params at all: a wrong kind of path, a number out of its range.
  if (text.startsWith("invalid request:")) return "invalid_params"
  if (code === RPC.invalidRequest || says("turn is in progress", "already in progress"))
    return "invalid_state"
  if (says("timed out")) return "codex_timeout"
  return "codex_error"
}

/** The binary knows no such method: it names the method, or lists those that it has. Nor any longer that way of a review (0.169, tried). */
const isOfMethod = (message: string, method: string): boolean =>
  message.includes(`unknown variant \`${method}\``) ||
  message.includes("expected one of `initialize`") ||
  (method === "review/start" && message.includes("unknown variant `detached`"))

const UNKNOWN_THREAD = [
  "thread not found",
  "thread not loaded",
  "no rollout found",
  "no archived rollout found",
  // The file of a thread that it remembers is gone (0.150.1, tried).
  "failed to resolve rollout path",
  "invalid thread id",
  "invalid session id",
  "conversation not found",
]

/** The child made the thread's file and died before it wrote a word of it (0.169, tried): it has nothing of the thread. */
export const isBlankThread = (message: string): boolean => /rollout at .* is empty/i.test(message)

/** The child does not have the thread, or not loaded. */
export const isUnknownThread = (message: string): boolean =>
  isBlankThread(message) || UNKNOWN_THREAD.some((phrase) => message.toLowerCase().includes(phrase))
