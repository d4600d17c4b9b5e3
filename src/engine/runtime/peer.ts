// A JSON-RPC peer that knows no transport. It promises: every call settles exactly once, within its deadline; what the
// child says reaches `onMessages` in order, and before the call whose answer came after it; lines leave in the order in
// which they were given, and none of a call that has failed; each request of the child is answered at most once.

import { type Backoff, backoffMs } from "../../base/kit/backoff.ts"
import type { Clock } from "../../base/kit/clock.ts"
import { createOutbox } from "./protocol/outbox.ts"
import {
  type Message,
  PeerFailure,
  type PeerFailureKind,
  RPC,
  RpcError,
  type RpcId,
} from "./protocol/wire.ts"

export interface PeerNeeds {
  /** Hands bytes to the pipe; called for one text at a time. */
  send(text: string): Promise<void>
  clock: Clock
  /** Messages in the order of the stream, as many as came together. Synchronous; what it throws goes to `onFault`. */
  onMessages(batch: Message[]): void
  /** A line that is no JSON object or no message: counted, skipped, shown here. */
  onBadLine(line: string): void
  /** A hearer of ours threw. */
  onFault(error: unknown): void
  /** Calls and notifications are refused as `overloaded` while more than this many characters wait for the pipe. */
  queueLimit?: number
}

export interface CallOptions {
  deadlineMs: number
  signal?: AbortSignal
}

export interface PeerCounts {
  /** Answers that came after their call's deadline. */
  late: number
  /** Answers to nothing: an id we never used, or a second answer. */
  stray: number
  badLines: number
}

export interface Peer {
  /** The result; throws RpcError (the child's word) or PeerFailure. `-32001` is retried inside the deadline. */
  call(method: string, params: unknown, options: CallOptions): Promise<unknown>
  /** Resolves when the pipe took it; throws PeerFailure. */
  notify(method: string, params?: unknown): Promise<void>
  /** Answers a request of the child; resolves when the bytes were handed to the pipe. A second answer is `not_open`. */
  respond(rpcId: RpcId, result: unknown): Promise<void>
  /** Answers a request of the child with an error. */
  refuse(rpcId: RpcId, code: number, message: string): Promise<void>
  /** The child itself said that this request needs no answer any more. */
  forget(rpcId: RpcId): void
  receive(lines: string[]): void
  /** The child is gone: every waiter is rejected with `gone`, once. Later calls too. */
  close(reason: string): void
  counts(): PeerCounts
}

const OVERLOAD: Backoff = { firstMs: 100, capMs: 3_000, jitter: 0.5 }
const QUEUE_LIMIT = 32 * 1024 * 1024
/** Ids of expired calls that we remember, to tell a late answer from a stray one. */
const EXPIRED_KEPT = 1_000

interface Waiting {
  /** Takes the call back; false when its bytes may have left. */
  withdraw(): boolean
  resolve(result: unknown): void
  reject(error: Error): void
}

export function createPeer(needs: PeerNeeds): Peer {
  const { clock } = needs
  const waiting = new Map<number, Waiting>()
  const expired = new Set<number>()
  const open = new Set<RpcId>()
  const counts: PeerCounts = { late: 0, stray: 0, badLines: 0 }
  const closing = new AbortController()
  const outbox = createOutbox(needs.send, needs.queueLimit ?? QUEUE_LIMIT)
  let lastId = 0
  let closed: string | undefined

  const gone = (maybeWritten: boolean) => new PeerFailure("gone", closed ?? "the child is gone", maybeWritten)

  const remember = (id: number) => {
    expired.add(id)
    const [oldest] = expired
    if (expired.size > EXPIRED_KEPT && oldest !== undefined) expired.delete(oldest)
  }

  const once = (method: string, params: unknown, { deadlineMs, signal }: CallOptions): Promise<unknown> => {
    if (closed !== undefined) return Promise.reject(gone(false))
    if (signal?.aborted) return Promise.reject(new PeerFailure("aborted", `${method} was called off`, false))
    const id = ++lastId
    return new Promise((resolve, reject) => {
      const giveUp = (kind: PeerFailureKind, why: string) => {
        waiting.delete(id)
        const maybeWritten = !entry.withdraw()
        if (maybeWritten) remember(id)
        entry.reject(new PeerFailure(kind, `${method} ${why}`, maybeWritten))
      }
      const abort = () => giveUp("aborted", "was called off")
      const net = clock.after(deadlineMs, () =>
        giveUp("deadline", `had no answer in ${Math.round(deadlineMs)} ms`),
      )
      const settle = (how: () => void) => {
        net[Symbol.dispose]()
        signal?.removeEventListener("abort", abort)
        how()
      }
      signal?.addEventListener("abort", abort)
      const entry: Waiting = {
        withdraw: () => false,
        resolve: (result) => settle(() => resolve(result)),
        reject: (error) => settle(() => reject(error)),
      }
      waiting.set(id, entry)
      const posted = outbox.put(encode({ id, method, params }), "bounded")
      entry.withdraw = posted.withdraw
      posted.taken.catch((error: Error) => {
        if (waiting.delete(id)) entry.reject(error)
      })
    })
  }

  const call: Peer["call"] = async (method, params, options) => {
    const until = clock.mono() + options.deadlineMs
    for (let attempt = 1; ; attempt++) {
      try {
        return await once(method, params, { ...options, deadlineMs: Math.max(0, until - clock.mono()) })
      } catch (error) {
        if (!(error instanceof RpcError) || error.code !== RPC.overloaded) throw error
        const waitMs = backoffMs(OVERLOAD, attempt)
        if (clock.mono() + waitMs >= until) throw error
        await pause(clock, waitMs, [closing.signal, options.signal])
      }
    }
  }

  const answer = (rpcId: RpcId, body: { result: unknown } | { error: unknown }): Promise<void> => {
    if (closed !== undefined) return Promise.reject(gone(false))
    if (!open.delete(rpcId)) {
      const text = `request ${rpcId} of the child is not open: unknown, or answered already`
      return Promise.reject(new PeerFailure("not_open", text, false))
    }
    // Never refused for the queue's length: an unanswered request stalls the child's turn for ever.
    return outbox.put(encode({ id: rpcId, ...body }), "always").taken
  }

  const settleCall = (answered: Record<string, unknown>) => {
    const id = answered.id as number
    const call = waiting.get(id)
    if (!call) {
      if (expired.delete(id)) counts.late++
      else counts.stray++
      return
    }
    waiting.delete(id)
    if ("error" in answered) call.reject(errorOf(answered.error))
    else call.resolve(answered.result)
  }

  const deliver = (batch: Message[]) => {
    if (batch.length === 0) return
    try {
      needs.onMessages(batch)
    } catch (error) {
      needs.onFault(error)
    }
  }

  const bad = (line: string) => {
    counts.badLines++
    needs.onBadLine(line)
  }

  return {
    call,
    notify(method, params) {
      if (closed !== undefined) return Promise.reject(gone(false))
      return outbox.put(encode(params === undefined ? { method } : { method, params }), "bounded").taken
    },
    respond: (rpcId, result) => answer(rpcId, { result: result ?? null }),
    refuse: (rpcId, code, message) => answer(rpcId, { error: { code, message } }),
    forget: (rpcId) => void open.delete(rpcId),
    receive(lines) {
      if (closed !== undefined) return
      let batch: Message[] = []
      for (const line of lines) {
        const parsed = parse(line)
        if (parsed === undefined) continue
        if (parsed === "bad") {
          bad(line)
          continue
        }
        if ("message" in parsed) {
          const { message } = parsed
          if (message.rpcId !== undefined) open.add(message.rpcId)
          batch.push(message)
          continue
        }
        deliver(batch)
        batch = []
        settleCall(parsed.answer)
      }
      deliver(batch)
    },
    close(reason) {
      if (closed !== undefined) return
      closed = reason
      closing.abort()
      const calls = [...waiting.values()]
      waiting.clear()
      open.clear()
      for (const call of calls) call.reject(gone(!call.withdraw()))
      outbox.close(reason)
    },
    counts: () => ({ ...counts }),
  }
}

const encode = (line: object): string => `${JSON.stringify(line)}\n`

type Parsed = { message: Message } | { answer: Record<string, unknown> } | "bad" | undefined

/** `undefined` for a blank line. */
function parse(raw: string): Parsed {
  if (raw === "" || raw === "\r") return undefined
  let line: Record<string, unknown>
  try {
    line = JSON.parse(raw)
  } catch {
    return "bad"
  }
  if (typeof line !== "object" || line === null) return "bad"
  const { id, method } = line
  if (typeof method === "string") {
    if (id === undefined) return { message: { kind: "notification", method, params: line.params, raw } }
    if (typeof id !== "string" && typeof id !== "number") return "bad"
    return { message: { kind: "request", method, params: line.params, raw, rpcId: id } }
  }
  if (typeof id === "number" && ("result" in line || "error" in line)) return { answer: line }
  return "bad"
}

function errorOf(error: unknown): RpcError {
  const { code, message, data } = (error ?? {}) as { code?: unknown; message?: unknown; data?: unknown }
  return new RpcError(
    typeof code === "number" ? code : RPC.internal,
    typeof message === "string" ? message : "an error without a message",
    data,
  )
}

/** Resolves after `ms`, or as soon as one of the signals aborts: who waits looks again and finds out why. */
function pause(clock: Clock, ms: number, signals: (AbortSignal | undefined)[]): Promise<void> {
  if (signals.some((signal) => signal?.aborted)) return Promise.resolve()
  return new Promise((resolve) => {
    const end = () => {
      timer[Symbol.dispose]()
      for (const signal of signals) signal?.removeEventListener("abort", end)
      resolve()
    }
    const timer = clock.after(ms, end)
    for (const signal of signals) signal?.addEventListener("abort", end)
  })
}
