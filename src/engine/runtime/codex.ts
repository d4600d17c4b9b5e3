// The child's calls, typed and with a deadline each; what differs between binaries is asked of quirks.ts by name. Which
// threads this run has loaded is known here and nowhere else.

import { Fault } from "../../base/fault.ts"
import { TIMERS } from "../../base/kit/timers.ts"
import { createAnswers } from "./protocol/answers.ts"
import { faultOf, isUnknownThread } from "./protocol/faults.ts"
import { createPass } from "./protocol/pass.ts"
import type { RunStore } from "./reap.ts"
import type { Supervisor } from "./supervisor.ts"
import { type Alias, createAliases, type Masking } from "./threads/aliases.ts"
import { createDisposal } from "./threads/disposal.ts"
import { createHeld, LOOSEST } from "./threads/held.ts"
import { readHistory } from "./threads/history.ts"
import { createMouth } from "./threads/mouth.ts"
import { type AskedPolicy, createPolicies, type SentPolicy } from "./threads/policies.ts"
import { createRollbackCalls } from "./threads/rollback.ts"
import { createTurnCalls, textInput } from "./threads/turns.ts"

export interface CodexNeeds {
  supervisor: Supervisor
  runStore: Pick<RunStore, "thread">
  /** Ask for raw response items where the binary gives them. */
  rawEvents: boolean
  /** Threads that were started anew in earlier lives. */
  aliases: readonly Alias[]
  /** Takes the daemon's and people's secrets out of what the child says. */
  mask: Masking
  onFault(error: unknown): void
}

/** The tuple as the child wants it; the words are the wire's. */
export interface Policy {
  model: string | null
  approvalPolicy: AskedPolicy
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

/** A thread that takes another one's place; `path` is where the child keeps it, as it says. */
export type MadeAnew = Alias & { path: unknown }

export function createCodex({ supervisor, runStore, rawEvents, aliases: known, mask, onFault }: CodexNeeds) {
  const aliases = createAliases(known, mask)
  /** Threads loaded in the run `id`, with the sandbox that they were loaded with; a new run starts with none. */
  let loaded: { run: string | undefined; threads: Map<string, string> } = {
    run: undefined,
    threads: new Map(),
  }
  let rawRefused = false
  const policies = createPolicies(supervisor.quirks)
  const policyWord = policies.word

  const runId = (): string => supervisor.state().runId ?? ""
  const threads = (): Map<string, string> => {
    const run = runId()
    if (loaded.run !== run) loaded = { run, threads: new Map() }
    return loaded.threads
  }
  const note = (threadId: string, sandbox = LOOSEST): void => {
    threads().set(threadId, sandbox)
    Promise.resolve(runStore.thread(runId(), aliases.innerOf(threadId))).catch(onFault)
  }

  const mouth = createMouth({ supervisor, aliases, isLoaded: (thread) => threads().has(thread), onFault })
  const askRaw = (method: string, params: unknown): Promise<unknown> =>
    supervisor.call(method, params, { deadlineMs: TIMERS.callDeadlineMs })
  const ask = (method: string, params: unknown): Promise<unknown> => askRaw(method, aliases.into(params))

  const call = async <T>(method: string, params: unknown, about?: Record<string, unknown>): Promise<T> =>
    aliases.outOf(await rawCall<T>(method, params, about))

  async function rawCall<T>(
    method: string,
    params: unknown,
    about: Record<string, unknown> = {},
  ): Promise<T> {
    try {
      return (await ask(method, params)) as T
    } catch (error) {
      throw faultOf(error, { method, ...about })
    }
  }

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
      const { thread, model } = await call<{ thread: RawThread; model?: string }>("thread/start", params)
      // Older binaries tell the model beside the thread, newer ones in it.
      return model === undefined || thread.model !== undefined ? thread : { ...thread, model }
    } catch (error) {
      if (!raw || !(error instanceof Fault) || error.code !== "method_not_supported") throw error
      rawRefused = true
      return begin(start)
    }
  }

  /** What the child says of the new thread waits until `keep` made known whose it is. */
  async function startThread(
    start: StartThread,
    keep?: (thread: RawThread) => Promise<void>,
  ): Promise<RawThread> {
    using _held = keep && mouth.hold()
    const thread = await begin(start)
    await keep?.(thread)
    note(thread.id, start.policy.sandbox)
    return thread
  }

  /**
   * Another thread takes the place of `outer`: from then on it answers to that id, and the one before is heard no more. `keep`
   * makes that durable. What the child says of the new thread waits until then, so that it never shows as one of its own.
   */
  async function replace(
    { outer, sandbox }: { outer: string; sandbox: string },
    make: () => Promise<RawThread>,
    keep: (made: MadeAnew) => Promise<void>,
  ): Promise<RawThread> {
    using held = mouth.hold()
    const thread = await make().catch((error: unknown) => {
      // What was made all the same is looked for before it shows.
      held.discard(aliases.innerOf(outer))
      throw error
    })
    await keep({ outer, inner: thread.id, path: thread.path })
    aliases.add({ outer, inner: thread.id })
    note(outer, sandbox)
    return aliases.outOf(thread)
  }

  /** Loads the thread unless this run has it, always with the session's own policy: older binaries forget it (§4). True if it had not. */
  async function loadThread(threadId: string, policy: Policy): Promise<boolean> {
    if (threads().has(threadId)) return false
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
    note(threadId, policy.sandbox)
    return true
  }

  async function startTurn(start: {
    threadId: string
    text: string
    policy: Policy
    effort?: string | undefined
    clientId?: string | undefined
  }): Promise<{ turnId: string; runId: string; policy: SentPolicy }> {
    const { threadId, text, policy, effort, clientId } = start
    const params = {
      threadId,
      clientUserMessageId: clientId,
      model: policy.model ?? undefined,
      effort,
      sandboxPolicy: policy.sandboxPolicy,
      approvalPolicy: policyWord(policy.approvalPolicy),
      input: [textInput(text)],
    }
    const begin = async () => {
      const { turn } = await call<{ turn: { id: string } }>("turn/start", params, { sessionId: threadId })
      return { turnId: turn.id, runId: runId(), policy: policies.sentFor(policy.approvalPolicy) }
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

  const history = (threadId: string) =>
    readHistory({ call, listsTurns: supervisor.quirks().listsTurns }, threadId)
  const turnCalls = createTurnCalls({
    ask,
    call,
    has: supervisor.has,
    loaded: note,
    policyWord,
    runId,
  })

  const disposal = createDisposal({
    call,
    deletesThreads: () => supervisor.quirks().deletesThreads,
    unloaded: (threadId) => void threads().delete(threadId),
  })
  /** Of threads in whose place others answer, by the child's own ids: ours would mean the others. */
  const formerThreads = createDisposal({
    call: (method, params, about = {}) =>
      askRaw(method, params).catch((error: unknown) => {
        throw faultOf(error, { method, ...about })
      }) as Promise<never>,
    deletesThreads: () => supervisor.quirks().deletesThreads,
    unloaded: () => {},
  })

  const rollbacks = createRollbackCalls({
    call,
    rawCall,
    history,
    aliases,
    quirks: supervisor.quirks,
    fork: turnCalls.fork,
    replace,
    unloaded: (threadId) => void threads().delete(threadId),
  })

  return {
    call,
    ...rollbacks,
    ...createPass({ supervisor, aliases }),
    ...disposal,
    formerThreads: { deleteThread: formerThreads.deleteThread, letGo: formerThreads.letGo },
    /** True while a child is there to be called. */
    isReady: (): boolean => supervisor.callable(),
    /** What the child says, in our words. */
    onMessages: mouth.onMessages,
    [Symbol.dispose]: () => mouth[Symbol.dispose](),
    startThread,
    /** Starts a new thread for one that the child forgot, or whose tools are to be others. */
    startAnew: (outer: string, start: StartThread, keep: (made: MadeAnew) => Promise<void>) =>
      replace({ outer, sandbox: start.policy.sandbox }, () => begin(start), keep),
    loadThread,
    startTurn,
    ...turnCalls,
    applyPolicy: createHeld({
      call,
      quirks: supervisor.quirks,
      policyWord,
      heldBy: (id) => threads().get(id),
    }),
    /** The binary tells a message's `clientUserMessageId` back, live and in history. */
    tellsClientIds: (): boolean => supervisor.callable() && supervisor.quirks().tellsClientIds,
    /** True while that run is the one that runs. */
    lives: (run: string): boolean => run !== "" && run === runId(),
    /** One page of threads on the child's disk, those that changed last first, of every provider. */
    async listThreads(ask: { archived: boolean; cursor: string | null }) {
      const params = { limit: 100, sortKey: "updated_at", modelProviders: [], ...ask }
      const page = await rawCall<{ data: RawThread[]; nextCursor: string | null }>("thread/list", params)
      return aliases.outOf({ ...page, data: page.data.filter(({ id }) => !aliases.isReplaced(id)) })
    },
    /** A thread without its turns. Unknown ids are fault `not_found`. */
    async readThread(threadId: string): Promise<RawThread> {
      const params = { threadId, includeTurns: false }
      return (await call<{ thread: RawThread }>("thread/read", params, { sessionId: threadId })).thread
    },
    /** Every turn of a thread's history, oldest first. A thread without history has none. */
    history,
    ...createAnswers({ ready: supervisor.ready, runId, onFault }),
    /** What this binary refused and we do without, for people. */
    fallbacks: (): string[] => [
      ...(rawRefused ? ["raw response items were refused"] : []),
      ...policies.notes(),
    ],
    /** Which policy is sent for the one that was asked for; undefined while no binary runs that would say. */
    policySent: (asked: AskedPolicy): SentPolicy | undefined =>
      supervisor.callable() ? policies.sentFor(asked) : undefined,
    unloaded(run: string, threadId: string): void {
      if (run === runId()) threads().delete(threadId)
    },
  }
}
export type Codex = ReturnType<typeof createCodex>
