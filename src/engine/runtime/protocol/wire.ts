// The wire of app-server: one JSON object a line, no `jsonrpc` field, and an id space for each direction.

export type RpcId = string | number

/** What the child says of its own accord: a notification, or a request that wants an answer. */
export interface Message {
  kind: "notification" | "request"
  method: string
  /** Parsed. `undefined` when the line has none. */
  params: unknown
  /** The very line, without its newline, for forwarding unprinted. */
  raw: string
  /** Of requests only: the child's own id, to be handed back to `respond` or `refuse` as it is. */
  rpcId?: RpcId
}

/** The error object of an answer. */
export class RpcError extends Error {
  readonly code: number
  readonly data: unknown

  constructor(code: number, message: string, data?: unknown) {
    super(message)
    this.name = "RpcError"
    this.code = code
    this.data = data
  }
}

/** Codes that we give or look for. */
export const RPC = {
  invalidRequest: -32600,
  methodNotFound: -32601,
  internal: -32603,
  overloaded: -32001,
} as const

/**
 * Why a call or an answer of ours came to nothing without the child's own word.
 * deadline: no answer in time · gone: the child is · overloaded: too many bytes wait for its stdin · aborted: by the
 * caller's signal · not_open: no such request of the child waits for an answer (a bug of ours).
 */
export type PeerFailureKind = "deadline" | "gone" | "overloaded" | "aborted" | "not_open"

export class PeerFailure extends Error {
  readonly kind: PeerFailureKind
  /** False only when it is certain that not a byte of it reached the child's pipe. */
  readonly maybeWritten: boolean

  constructor(kind: PeerFailureKind, message: string, maybeWritten: boolean) {
    super(message)
    this.name = "PeerFailure"
    this.kind = kind
    this.maybeWritten = maybeWritten
  }
}
