// The child's calls, typed and with a deadline each; what differs between binaries is asked of quirks.ts by name. Which
// threads this run has loaded is known here and nowhere else.

import { Fault } from "../../base/fault.ts"
import { TIMERS } from "../../base/kit/timers.ts"
import { faultOf, isUnknownThread } from "./protocol/faults.ts"
import { PeerFailure, RpcError, type RpcId } from "./protocol/wire.ts"
import type { RunStore } from "./reap.ts"
import type { Supervisor } from "./supervisor.ts"
import { type Alias, createAliases } from "./threads/aliases.ts"
import { readHistory } from "./threads/history.ts"
import { createMouth } from "./threads/mouth.ts"

export interface CodexNeeds {
  supervisor: Supervisor
  runStore: Pick<RunStore, "thread">
  /** Ask for raw response items where the binary gives them. */
  rawEvents: boolean
  /** Threads that were started anew in earlier lives. */
  aliases: readonly Alias[]
  /** Takes the daemon's secrets out of a text. */
  mask(text: string): string
  onFault(error: unknown): void
}

/** The tuple as the child wants it; the words are the wire's. */
export interface Policy {
  model: string | null
  approvalPolicy: string
  /** `read-only`, `workspace-write`, `danger-full-access`. */
  sandbox: string
  /** The same with network access, as `turn/start` wants it. */
  sandboxPolicy: Record<string, unknown>
}

export interface StartThread {
  cwd: string
  policy: Policy
  dynamicTools?: unknown[] | undefined
}

export interface RawThread {
  id: string
  [key: string]: unknown
}
export function createCodex({ supervisor, runStore, rawEvents, aliases: known, mask, onFault }: CodexNeeds) {
  const aliases = createAliases(known, mask)
  /** Threads loaded in the run `id`; a new run starts with none. */
  let loaded: { run: string | undefined; threads: Set<string> } = { run: undefined, threads: new Set() }
  let rawRefused = false

  const runId = (): string => supervisor.state().runId ?? ""
  const threads = (): Set<string> => {
    const run = runId()
    if (loaded.run !== run) loaded = { run, threads: new Set() }
    return loaded.threads
  }
  const note = (threadId: string): void => {
    threads().add(threadId)
    Promise.resolve(runStore.thread(runId(), aliases.innerOf(threadId))).catch(onFault)
  }

  const mouth = createMouth({ supervisor, aliases, isLoaded: (thread) => threads().has(thread), onFault })
  const ask = (method: string, params: unknown): Promise<unknown> =>
    supervisor.call(method, aliases.into(params), { deadlineMs: TIMERS.callDeadlineMs })

  async function call<T>(method: string, params: unknown, about: Record<string, unknown> = {}): Promise<T> {
    try {
      return aliases.outOf((await ask(method, params)) as T)
    } catch (error) {
      throw faultOf(error, { method, ...about })
    }
  }

  /** `on-failure` where it was retired becomes `on-request`, the nearest stricter one. */
  const policyWord = (policy: string): string =>
    policy === "on-failure" && !supervisor.quirks().onFailurePolicy ? "on-request" : policy

  async function begin(start: StartThread): Promise<RawThread> {
    const raw = rawEvents && !rawRefused && !supervisor.quirks().stableOnly
    const params = {
      cwd: start.cwd,
      model: start.policy.model ?? undefined,
      sandbox: start.policy.sandbox,
      approvalPolicy: policyWord(start.policy.approvalPolicy),
      dynamicTools: start.dynamicTools,
      experimentalRawEvents: raw || undefined,
    }
    try {
      return (await call<{ thread: RawThread }>("thread/start", params)).thread
    } catch (error) {
      if (!raw || !(error instanceof Fault) || error.code !== "method_not_supported") throw error
      rawRefused = true
      return begin(start)
    }
  }

  async function startThread(start: StartThread): Promise<RawThread> {
    const thread = await begin(start)
    note(thread.id)
    return thread
  }

  /**
   * Starts a new thread for one that the child forgot; from then on it answers to the old id. `keep` makes that durable. What
   * the child says of the new thread waits until then, so that it never shows as a thread of its own.
   */
  async function startAnew(
    outer: string,
    start: StartThread,
    keep: (alias: Alias) => Promise<void>,
  ): Promise<void> {
    using _held = mouth.hold()
    const { id: inner } = await begin(start)
    await keep({ outer, inner })
    aliases.add({ outer, inner })
    note(outer)
  }

  /** Loads the thread unless this run has it, always with the session's own policy: older binaries forget it (§4). */
  async function loadThread(threadId: string, policy: Policy): Promise<void> {
    if (threads().has(threadId)) return
    await call(
      "thread/resume",
      {
        threadId,
        model: policy.model ?? undefined,
        sandbox: policy.sandbox,
        approvalPolicy: policyWord(policy.approvalPolicy),
      },
      { sessionId: threadId },
    )
    note(threadId)
  }

  async function startTurn(start: {
    threadId: string
    text: string
    policy: Policy
    effort?: string | undefined
  }): Promise<{ turnId: string; runId: string }> {
    const { threadId, text, policy, effort } = start
    const params = {
      threadId,
      model: policy.model ?? undefined,
      effort,
      sandboxPolicy: policy.sandboxPolicy,
      approvalPolicy: policyWord(policy.approvalPolicy),
      input: [textInput(text)],
    }
    const begin = async () => {
      const { turn } = await call<{ turn: { id: string } }>("turn/start", params, { sessionId: threadId })
      return { turnId: turn.id, runId: runId() }
    }
    try {
      return await begin()
    } catch (error) {
      // The child dropped the thread without a word: load it once more, then believe it.
      if (!(error instanceof Fault) || !isUnknownThread(error.message)) throw error
      threads().delete(threadId)
      await loadThread(threadId, policy)
      return begin()
    }
  }

  async function steerTurn(threadId: string, turnId: string, text: string): Promise<void> {
    try {
      const params = { threadId, expectedTurnId: turnId, input: [textInput(text)] }
      await ask("turn/steer", params)
    } catch (error) {
      if (error instanceof RpcError && /no active turn|expected turn|mismatch/i.test(error.message)) {
        throw new Fault("no_active_turn", "that turn is over", { sessionId: threadId }, { cause: error })
      }
      throw faultOf(error, { method: "turn/steer", sessionId: threadId })
    }
  }

  async function interruptTurn(threadId: string, turnId: string): Promise<void> {
    try {
      await ask("turn/interrupt", { threadId, turnId })
    } catch (error) {
      if (error instanceof RpcError && /no active turn/i.test(error.message)) {
        throw new Fault("no_active_turn", "no turn is running", { sessionId: threadId }, { cause: error })
      }
      throw faultOf(error, { method: "turn/interrupt", sessionId: threadId })
    }
  }

  const peerOf = (run: string) => (runId() === run ? supervisor.ready() : undefined)

  return {
    call,
    /** What the child says, in our words. */
    onMessages: mouth.onMessages,
    [Symbol.dispose]: () => mouth[Symbol.dispose](),
    startThread,
    startAnew,
    loadThread,
    startTurn,
    steerTurn,
    interruptTurn,
    /** True while that run is the one that runs. */
    lives: (run: string): boolean => run !== "" && run === runId(),
    /** One page of threads on the child's disk. */
    listThreads: (ask: { archived: boolean; cursor: string | null }) =>
      call<{ data: RawThread[]; nextCursor: string | null }>("thread/list", { limit: 100, ...ask }),
    /** A thread without its turns. Unknown ids are fault `not_found`. */
    readThread: async (threadId: string): Promise<RawThread> =>
      (
        await call<{ thread: RawThread }>(
          "thread/read",
          { threadId, includeTurns: false },
          { sessionId: threadId },
        )
      ).thread,
    /** Every turn of a thread's history, oldest first. A thread without history has none. */
    history: (threadId: string) =>
      readHistory({ call, listsTurns: supervisor.quirks().listsTurns }, threadId),
    /** Hands an answer to the child of that run: `runtime_unavailable` means that nothing was written. */
    async answer(run: string, rpcId: RpcId, result: unknown): Promise<void> {
      const peer = peerOf(run)
      if (!peer) throw new Fault("runtime_unavailable", "the app-server that asked is gone")
      try {
        await peer.respond(rpcId, result)
      } catch (error) {
        if (error instanceof PeerFailure && !error.maybeWritten) {
          throw new Fault("runtime_unavailable", error.message, {}, { cause: error })
        }
        throw new Fault("request_undelivered", "the answer may not have arrived", {}, { cause: error })
      }
    },
    /** What this binary refused and we do without, for people. */
    fallbacks: (): string[] => (rawRefused ? ["raw response items were refused"] : []),
    /** Refuses a request of the child; when the child is gone nobody waits any more. */
    refuse(run: string, rpcId: RpcId, code: number, message: string): void {
      peerOf(run)?.refuse(rpcId, code, message).catch(onFault)
    },
    /** The child says itself that a request needs no answer any more. */
    settledItself: (run: string, rpcId: RpcId): void => peerOf(run)?.forget(rpcId),
    unloaded(run: string, threadId: string): void {
      if (run === runId()) threads().delete(threadId)
    },
  }
}
export type Codex = ReturnType<typeof createCodex>

const textInput = (text: string) => ({ type: "text", text, text_elements: [] })
