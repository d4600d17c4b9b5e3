// What a worker's tool call does: an action, in the name of the job that its session runs now. A call without a job, or of an
// action that is not this job's, is a failed call with its reason; a tool that is not ours is nobody's.

import { digestOf } from "../../../base/kit/digest.ts"
import type { Performed } from "../../../engine/host/run/dispatch.ts"
import type { Running } from "../../../engine/queue/job.ts"
import type { AskedAction } from "../../actions/perform.ts"
import type { Scope } from "../../actions/row.ts"
import type { OwnTools, ToolAnswer } from "../../ingest/own.ts"
import type { Instruction } from "../../jobs/agent-instruction.ts"
import type { Agent } from "../agent/agents.ts"
import { actionOfTool, payloadOf } from "../agent/tools.ts"

export type Performs = (asked: AskedAction) => Promise<Performed>

/** A job that a worker's session runs. */
export interface AtWork {
  agent: Agent
  given: Instruction
  running: Running
}

export function createHands(perform: Performs) {
  const busy = new Map<string, AtWork>()

  /** In the reach of the job, with what both the agent and the job may do. */
  const act = ({ agent, given, running }: AtWork, action: Asked): Promise<Performed> => {
    const narrowed = isGranted(given, action) ? agent.actions : []
    return perform({
      ...action,
      scope: scopeOf(given),
      actor: { kind: "worker", name: agent.name, jobId: running.job.id },
      capabilities: narrowed,
    })
  }

  const tool: OwnTools = (sessionId, name, args) => {
    const type = actionOfTool(name)
    if (type === undefined) return undefined
    const work = busy.get(sessionId)
    return work
      ? call(work, type, args)
      : Promise.resolve(answerOf(false, { message: "no job is under way" }))
  }

  async function call(work: AtWork, type: string, args: unknown): Promise<ToolAnswer> {
    const payload = payloadOf(type, args, scopeOf(work.given))
    // A model that is asked once more after its child died says the same again: a steer is not repeated.
    const digest = await digestOf({ type, payload })
    const again = type === "turn.steer.create" ? { idempotencyKey: `${work.running.job.id}:${digest}` } : {}
    const { status, details } = await act(work, { type, payload, ...again })
    void work.running.log(`${type}: ${status}`)
    return answerOf(DONE.has(status), { status, details })
  }

  return {
    tool,
    act,
    /** Until disposed of, calls in that session are this job's. */
    lend(sessionId: string, work: AtWork): Disposable {
      busy.set(sessionId, work)
      return {
        [Symbol.dispose]() {
          if (busy.get(sessionId) === work) busy.delete(sessionId)
        },
      }
    },
  }
}
export type Hands = ReturnType<typeof createHands>

/** Whether it is among what this job may do. */
function isGranted({ actions }: Instruction, { type, payload }: Asked): boolean {
  if (!actions) return true
  return actions.some((one) => {
    if (typeof one === "string") return one === type
    return one.action === type && Object.entries(one.where).every(([key, value]) => payload[key] === value)
  })
}

type Asked = Pick<AskedAction, "type" | "payload" | "idempotencyKey">

/** That somebody was first is no failure of the call. */
const DONE: ReadonlySet<string> = new Set(["performed", "already_resolved", "not_eligible", "conflict"])

export const scopeOf = ({ projectId, sourceSessionId: sessionId, turnId }: Instruction): Scope => ({
  projectId,
  sessionId,
  turnId,
})

const answerOf = (success: boolean, said: object): ToolAnswer => ({
  success,
  contentItems: [{ type: "inputText", text: JSON.stringify(said) }],
})
