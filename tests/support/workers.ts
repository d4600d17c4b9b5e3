// The rooms with workers over them, and a child that plays each turn as a test says: what the model calls, what it says, how
// the turn ends.

import { suggestionJob } from "../../extensions/supervisor/jobs/suggestion.ts"
import type { Config } from "../../src/base/config/config.ts"
import type { Fault } from "../../src/base/fault.ts"
import { createKeys } from "../../src/domain/keys/keys.ts"
import type { StartTurn } from "../../src/domain/turns/child.ts"
import { createApi } from "../../src/edge/http/api.ts"
import { createGate } from "../../src/edge/http/guards.ts"
import type { Enqueued, SuggestRequestRequested } from "../../src/engine/host/contract.ts"
import { createActions } from "../../src/flow/actions/perform.ts"
import type { OwnTools } from "../../src/flow/ingest/own.ts"
import { enqueueTool } from "../../src/flow/jobs/enqueue-tool.ts"
import { createJobs } from "../../src/flow/jobs/jobs.ts"
import { newJobOf } from "../../src/flow/jobs/new-job.ts"
import { jobTable } from "../../src/flow/jobs/table.ts"
import type { Loaded } from "../../src/flow/workers/agent/agents.ts"
import { openWorkers } from "../../src/flow/workers/open.ts"
import { createSuggest } from "../../src/flow/workers/suggest.ts"
import { QUEUE_CONFIG } from "./queue.ts"
import { asked, createToldChild, openRooms, said } from "./rooms.ts"

/** What a turn does. Nothing: it hangs. */
export interface Play {
  calls?: { tool: string; args: object }[]
  says?: string
  ends?: "completed" | "failed" | "interrupted"
}

export interface WorkersGiven {
  play?(text: string, start: StartTurn): Play
  config?: Partial<Config>
  loaded?: Loaded[]
  whenLoaded?: Promise<void>
}

export async function openWorkerHouse({ play = () => ({ ends: "completed" }), ...given }: WorkersGiven = {}) {
  const child = createToldChild()
  let tools: OwnTools = () => undefined
  const house = openRooms(child, { ownTools: (...call) => tools(...call) })
  const { rooms, db, clock, ingest } = house
  const config = {
    ...QUEUE_CONFIG,
    orchestratorQueueMaxAttempts: 2,
    orchestratorQueueDefaultTimeoutMs: 60_000,
    orchestratorAgentTurnTimeoutMs: 180_000,
    orchestratorSuggestRequestEnabled: true,
    orchestratorSuggestRequestWaitMs: 12_000,
    orchestratorWorkerPolicy: "strict",
    defaultSandboxMode: "workspace-write",
    defaultNetworkAccess: "enabled",
    defaultApprovalPolicy: "untrusted",
    agentExtensionTrustMode: "warn",
    workspaceRoot: "/nowhere",
    ...given.config,
  } as Config
  let count = 0
  let rpc = 100
  const turns: { sessionId: string; turnId: string; text: string; start: StartTurn }[] = []
  const end = (sessionId: string, turnId: string, status: string) => {
    const error = status === "failed" ? { message: "it broke" } : null
    ingest.take([said("turn/completed", { threadId: sessionId, turn: { id: turnId, status, error } })], "run")
  }
  Object.assign(child, {
    startTurn: async (start: StartTurn) => {
      child.calls.push(["start", start])
      const { threadId, text } = start
      const turnId = `w-${++count}`
      turns.push({ sessionId: threadId, turnId, text, start })
      const { calls = [], says, ends } = play(text, start)
      const about = { threadId, turnId }
      ingest.take([said("turn/started", { threadId, turn: { id: turnId, status: "inProgress" } })], "run")
      const items = [{ type: "userMessage", id: `u-${turnId}`, content: [{ type: "text", text }] }]
      ingest.take([said("item/started", { ...about, item: items[0] })], "run")
      const answered = calls.map(({ tool, args }) => {
        const id = ++rpc
        ingest.take(
          [asked(id, "item/tool/call", { ...about, callId: `c${id}`, tool, arguments: args })],
          "run",
        )
        return id
      })
      const isAnswered = () =>
        answered.every((id) => child.calls.some(([what, , rpcId]) => what === "answer" && rpcId === id))
      const finish = () => {
        if (!isAnswered()) {
          setImmediate(finish)
          return
        }
        if (says !== undefined) {
          const item = { type: "agentMessage", id: `a-${turnId}`, text: says }
          ingest.take([said("item/agentMessage/delta", { ...about, itemId: item.id, delta: says })], "run")
          ingest.take([said("item/completed", { ...about, item })], "run")
        }
        if (ends) end(threadId, turnId, ends)
      }
      clock.soon(finish)
      return { turnId, runId: "run" }
    },
    interruptTurn: async ({ threadId, turnId }: { threadId: string; turnId: string }) => {
      child.calls.push(["interrupt", threadId, turnId])
      end(threadId, turnId, "interrupted")
    },
  })
  const keys = createKeys({ db, clock })
  const { perform } = createActions({ db, clock, rooms, keys, trustMode: "warn", jobs: () => jobs })
  const workers = openWorkers({
    ...house,
    config,
    perform,
    loaded: () => given.loaded ?? [],
    whenLoaded: async () => given.whenLoaded,
    onFault: fault,
  })
  tools = workers.tool
  const kinds = jobTable({
    ...house,
    keys,
    find: house.reconcile.find,
    timeoutMs: 60_000,
    webhook: { clock, secret: undefined },
    agents: { config, workers },
  } as Parameters<typeof jobTable>[0])
  const audienceOf = (id: string) => ({ thread: id, hidden: rooms.sessions.find(id)?.systemOwned ?? false })
  const jobs = createJobs({ ...house, config, kinds, audienceOf } as Parameters<typeof createJobs>[0])
  const enqueue = enqueueTool(() => jobs)
  /** As the supervisor's handler hands it in, for the agent that is always there. */
  async function takeUp(_type: string, event: unknown) {
    const job = suggestionJob(event as SuggestRequestRequested)
    const payload = { ...job.payload, agent: "default", bootstrapInstruction: undefined }
    try {
      const taken = await enqueue([{ ...job, payload }], { extension: "supervisor", scope: {} })
      const envelope = { kind: "enqueue_result", moduleName: "supervisor", ...(taken as Enqueued) } as const
      return { envelopes: [envelope], refusal: undefined }
    } catch (error) {
      return { envelopes: [], refusal: (error as Error).cause as Fault }
    }
  }
  const suggest = createSuggest({ config, clock, rooms, jobs, extensions: { ask: takeUp } })
  const api = createApi({
    ...house,
    keys,
    jobs,
    suggest,
    gate: createGate({
      find: house.reconcile.find,
      known: (id) => rooms.sessions.find(id),
      deleted: rooms.tombstones.fault,
    }),
    door: { token: undefined, host: "127.0.0.1", allowedHosts: [], allowedOrigins: [] },
    version: "test",
    health: () => ({ status: "ok" }),
  } as never)
  await house.settle(jobs.start())

  function fault(error: unknown): void {
    house.faults.push(error)
  }
  const peer = {
    address: "127.0.0.1",
    loopback: true,
    upgrade: () => false,
    holdOpen: () => {},
    letGo: () => {},
  }
  /** Not settled: the answer may need the clock to be turned. */
  const ask = async (
    path: string,
    body?: unknown,
    method = "POST",
  ): Promise<[number, Record<string, unknown>]> => {
    const request = new Request(`http://127.0.0.1/api${path}`, {
      method,
      headers: { host: "127.0.0.1", ...(body !== undefined && { "content-type": "application/json" }) },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    })
    const response = await api.fetch(request, peer)
    return [response?.status ?? 0, (await response?.json()) as Record<string, unknown>]
  }
  const session = async () => (await house.settle(rooms.sessions.create({}))).session.sessionId
  return {
    ...house,
    jobs,
    suggest,
    turns,
    end,
    ask,
    call: (...given: Parameters<typeof ask>) => house.settle(ask(...given)),
    session,
    /** Until nothing moves any more. */
    rest: async (): Promise<void> => {
      for (let n = 0; n < 60; n++) await house.settle(new Promise<void>((go) => void setImmediate(go)))
    },
    /** Until it is so; false when it never comes to be. What reads a file comes back when the disk likes. */
    async until(isSo: () => boolean): Promise<boolean> {
      for (let n = 0; n < 5_000 && !isSo(); n++)
        await house.settle(new Promise<void>((go) => void setImmediate(go)))
      return isSo()
    },
    async instruct(sessionId: string, payload: object) {
      const ids = {
        projectId: `session:${sessionId}`,
        sourceSessionId: sessionId,
        threadId: sessionId,
        turnId: "u",
      }
      const given = { agent: "default", jobKind: "test", instructionText: "do it", ...ids, ...payload }
      const { job } = await house.settle(
        jobs
          .queue()
          .enqueue(newJobOf({ type: "agent_instruction", projectId: given.projectId, payload: given })),
      )
      return job.id
    },
    over: (id: string) => house.settle(jobs.queue().over(id)),
  }
}
export type WorkerHouse = Awaited<ReturnType<typeof openWorkerHouse>>
