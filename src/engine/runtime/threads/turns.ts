// The calls around turns, one for each thing that a thread can be asked to do. A method that the binary lacks is refused
// with its name before it is called.

import { Fault } from "../../../base/fault.ts"
import { faultOf } from "../protocol/faults.ts"
import { RpcError } from "../protocol/wire.ts"
import type { AskedPolicy } from "./policies.ts"

export interface TurnCallNeeds {
  ask(method: string, params: unknown): Promise<unknown>
  call<T>(method: string, params: unknown, about?: Record<string, unknown>): Promise<T>
  /** Whether the binary has this method; undefined when nobody knows. */
  has(method: string): boolean | undefined
  /** The child has that thread loaded, with that sandbox. */
  loaded(threadId: string, sandbox?: string): void
  /** The approval policy that is sent for the one that was asked for. */
  policyWord(asked: AskedPolicy): AskedPolicy
  runId(): string
}

interface Thread {
  id: string
  [key: string]: unknown
}
interface ForkPolicy {
  model: string | null
  approvalPolicy: AskedPolicy
  sandbox: string
}

export interface Steer {
  threadId: string
  turnId: string
  text: string
  /** Told back in the message's item by binaries that know it. */
  clientId?: string | undefined
}
export interface Interrupt {
  threadId: string
  turnId: string
  /** True if the child may call this turn by that other id: reviews have two (§4). */
  isSame(found: string): boolean
}
export interface Review {
  threadId: string
  delivery: "inline" | "detached"
  target: Record<string, unknown>
}
interface ReviewAnswer {
  turn: { id: string }
  reviewThreadId: string
}

export const textInput = (text: string) => ({ type: "text", text, text_elements: [] })

const OVER = /no active turn|expected turn|expected active turn|mismatch/i
const FOUND = /but found `?([^`\s]+)`?/i

export function createTurnCalls({ ask, call, has, loaded, policyWord, runId }: TurnCallNeeds) {
  function mustHave(method: string, threadId: string): void {
    if (has(method) !== false) return
    throw new Fault("method_not_supported", `this app-server has no ${method}`, {
      method,
      sessionId: threadId,
    })
  }

  function named<T>(method: string, params: { threadId: string; [key: string]: unknown }): Promise<T> {
    mustHave(method, params.threadId)
    return call<T>(method, params, { sessionId: params.threadId })
  }

  /** Throws `no_active_turn` when that turn is over, `turn_not_steerable` for a review and the like. */
  async function steerTurn({ threadId, turnId, text, clientId }: Steer): Promise<void> {
    mustHave("turn/steer", threadId)
    try {
      const input = [textInput(text)]
      await ask("turn/steer", { threadId, expectedTurnId: turnId, clientUserMessageId: clientId, input })
    } catch (error) {
      if (!(error instanceof RpcError)) throw faultOf(error, { method: "turn/steer", sessionId: threadId })
      const about = { sessionId: threadId }
      if (/cannot steer|not ?steerable/i.test(error.message)) {
        throw new Fault("turn_not_steerable", error.message, about, { cause: error })
      }
      if (OVER.test(error.message)) {
        throw new Fault("no_active_turn", "that turn is over", about, { cause: error })
      }
      throw faultOf(error, { method: "turn/steer", ...about })
    }
  }

  /** Throws `no_active_turn`. */
  async function interruptTurn({ threadId, turnId, isSame }: Interrupt): Promise<void> {
    try {
      await ask("turn/interrupt", { threadId, turnId })
    } catch (error) {
      const about = { method: "turn/interrupt", sessionId: threadId }
      if (!(error instanceof RpcError) || !OVER.test(error.message)) throw faultOf(error, about)
      const found = FOUND.exec(error.message)?.[1]
      if (found !== undefined && found !== turnId && isSame(found)) {
        await interruptTurn({ threadId, turnId: found, isSame: () => false })
        return
      }
      throw new Fault("no_active_turn", "no turn is running", { sessionId: threadId }, { cause: error })
    }
  }

  /** Forks with that policy; `beforeTurnId` leaves that turn and those behind it out. Nobody knows yet that it is loaded. */
  async function fork(threadId: string, policy: ForkPolicy, beforeTurnId?: string): Promise<Thread> {
    const params = {
      threadId,
      beforeTurnId,
      model: policy.model ?? undefined,
      sandbox: policy.sandbox,
      approvalPolicy: policyWord(policy.approvalPolicy),
    }
    const { thread, model } = await named<{ thread: Thread; model?: string }>("thread/fork", params)
    // As at a start: older binaries tell the model beside the thread.
    return model === undefined || "model" in thread ? thread : { ...thread, model }
  }

  return {
    fork,
    async forkThread(threadId: string, policy: ForkPolicy): Promise<Thread> {
      const thread = await fork(threadId, policy)
      loaded(thread.id, policy.sandbox)
      return thread
    },
    steerTurn,
    interruptTurn,
    /** `{}`; the turn tells itself later. */
    compactThread: (threadId: string) => named<Record<string, unknown>>("thread/compact/start", { threadId }),
    cleanTerminals: (threadId: string) =>
      named<Record<string, unknown>>("thread/backgroundTerminals/clean", { threadId }),
    /** A detached one runs in a thread of its own, which is loaded then. */
    async startReview(review: Review) {
      const result = await named<ReviewAnswer>("review/start", { ...review })
      if (result.reviewThreadId !== review.threadId) loaded(result.reviewThreadId)
      return { result, turnId: result.turn.id, threadId: result.reviewThreadId, runId: runId() }
    },
  }
}
