// Agents at work: a job's instruction becomes a turn of the session that works as that agent for that owner; what the model
// calls there goes through the table of actions, in the reach of the job that runs. One job at a time a worker.

import { digestOf } from "../../base/kit/digest.ts"
import { createLanes } from "../../base/kit/lanes.ts"
import type { Db, Tx } from "../../base/storage/port.ts"
import { isSettled } from "../../domain/suggestions/suggestions.ts"
import type { Job, Running } from "../../engine/queue/job.ts"
import type { Instruction } from "../jobs/agent-instruction.ts"
import type { Rooms } from "../rooms.ts"
import type { Allowed } from "./agent/agent-config.ts"
import type { AgentNamed } from "./agent/agents.ts"
import type { Provision } from "./agent/provision.ts"
import { fallbackOf, ORIENTATION } from "./agent/texts.ts"
import type { Answers } from "./job/answers.ts"
import { type createEarly, isDone } from "./job/early.ts"
import type { AtWork, Hands } from "./job/hands.ts"
import type { Phase, Rows } from "./job/rows.ts"
import { Stopped, WorkerGone, type WorkerTurns } from "./job/turn.ts"

export interface WorkersNeeds {
  db: Db
  now(): number
  rooms: Rooms
  whenLoaded(): Promise<void>
  agentNamed: AgentNamed
  provision: Provision
  turns: WorkerTurns
  rows: Rows
  hands: Hands
  answers: Answers
  earlyFor: ReturnType<typeof createEarly>
}

interface Turned {
  work: AtWork
  sessionId: string
  text: string
  allowed: Allowed
  phase: Omit<Phase, "sessionId">
  signal: AbortSignal
  heard?: (text: string) => void
}

export function createWorkers(needs: WorkersNeeds) {
  const { db, rooms, agentNamed, provision, turns, rows, hands, answers, earlyFor } = needs
  const lanes = createLanes()

  /** Runs the instruction. Resolves with the job's result. */
  async function work(given: Instruction, running: Running): Promise<object> {
    await needs.whenLoaded()
    const agent = agentNamed(given.agent)
    const at: AtWork = { agent, given, running }
    await rows.opened(running.job, given)
    using early = earlyFor(given)
    const signal = early ? AbortSignal.any([running.signal, early.signal]) : running.signal
    const done = lanes.run(JSON.stringify([given.projectId, agent.name]), () => attempt(at, signal))
    if (!early) return done
    // Its turn may still have to end: the next job of this worker waits for that, this one doesn't.
    return await Promise.race([done.catch(unlessDone(early.signal)), early.done.then(() => OK)])
  }

  /** A worker that went away is replaced once. */
  async function attempt(at: AtWork, signal: AbortSignal): Promise<object> {
    await turns.untilReady(signal)
    const first = await provision.sessionFor(at.given.projectId, at.agent)
    try {
      return await inSession(at, first.id, signal)
    } catch (error) {
      if (!(error instanceof WorkerGone) || signal.aborted) throw error
      await at.running.log(`another worker takes over: ${error.message}`)
      await provision.drop(first.id)
      const second = await provision.sessionFor(at.given.projectId, at.agent)
      return inSession(at, second.id, signal)
    }
  }

  async function inSession(work: AtWork, sessionId: string, signal: AbortSignal): Promise<object> {
    const { given, running, agent } = work
    await running.note({ threadId: sessionId, turnId: null })
    await prepare(work, sessionId, signal)
    using _lent = hands.lend(sessionId, work)
    const teller = given.expectResponse === "none" ? undefined : answers.teller(work)
    const { job } = running
    const { jobKind, projectId, sourceSessionId, turnId: sourceTurnId } = given
    const details = {
      agent: agent.name,
      jobKind,
      projectId,
      sourceSessionId,
      sourceTurnId,
      queueJobId: job.id,
    }
    const said = await turn({
      work,
      sessionId,
      text: given.instructionText,
      allowed: agent.policies.instruction,
      phase: { phase: "job_execution", name: `job::${job.id}`, details },
      signal,
      ...(teller && { heard: teller.heard }),
    })
    await teller?.rest()
    return answers.resultOf(work, said)
  }

  /** What it has to know before its first job, each text once. */
  async function prepare(work: AtWork, sessionId: string, signal: AbortSignal): Promise<void> {
    const allowed = work.agent.policies.orientation
    const orientation = { phase: "core_orientation", name: "core-orientation", details: {} } as const
    await teach({ work, sessionId, text: ORIENTATION, allowed, phase: orientation, signal })
    const { bootstrapInstruction } = work.given
    if (!bootstrapInstruction) return
    const { key: bootstrapKey, instructionText: text } = bootstrapInstruction
    const name = `extension-bootstrap::${bootstrapKey}`
    const phase = { phase: "extension_bootstrap", name, details: { bootstrapKey } } as const
    await teach({ work, sessionId, text, allowed, phase, signal })
  }

  async function teach(turned: Turned): Promise<void> {
    const { sessionId, text, phase } = turned
    const lesson = { key: phase.name, hash: await digestOf(text) }
    if (rooms.workerBook.knows(sessionId, lesson)) return
    await turn(turned)
    await db.act((tx) => rooms.workerBook.learned(tx, sessionId, lesson))
  }

  /** One turn with its row in the worker's transcript. */
  async function turn({ work, sessionId, text, allowed, phase, signal, heard }: Turned): Promise<string> {
    const session = rooms.sessions.find(sessionId)
    if (!session) throw new WorkerGone("the worker's session is gone")
    const { given, running, agent } = work
    const isJob = phase.phase === "job_execution"
    const model = (isJob ? given.model : undefined) ?? agent.model
    const at = { ...phase, sessionId }
    const startedAt = needs.now()
    let begun: string | undefined
    try {
      const done = await turns.run({
        sessionId,
        text,
        tuple: provision.tupleFor(session, allowed, model),
        effort: (isJob ? given.effort : undefined) ?? allowed.effort,
        signal,
        async begun(turnId) {
          begun = turnId
          await running.note({ threadId: sessionId, turnId })
          await rows.putPhase(at, turnId, { status: "streaming", startedAt })
        },
        ...(heard && { heard }),
      })
      await rows.putPhase(at, done.turnId, { status: "complete", startedAt })
      return done.text
    } catch (error) {
      const status = error instanceof Stopped ? (isDone(signal) ? "complete" : "canceled") : "error"
      if (begun !== undefined) await rows.putPhase(at, begun, { status, startedAt })
      throw error
    }
  }

  return {
    work,
    /** A tool call in a worker's session. */
    tool: hands.tool,
    settled: (tx: Tx, job: Job, given: Instruction): void => rows.settled(tx, job, given),
    /** The suggestion of a job that is done; the fallback where its worker gave none. */
    suggested: (given: Instruction): Promise<object> =>
      db.act((tx) => {
        const requestKey = given.completionSignal?.requestKey ?? ""
        const { sourceSessionId: sessionId, fallbackSuggestionDraft: draft } = given
        const known = rooms.suggestions.find(sessionId, requestKey, tx)
        const suggestion = known?.suggestion ?? fallbackOf(draft)
        if (!isSettled(known)) {
          const about = { sessionId, requestKey, status: "complete" } as const
          rooms.suggestions.upsert(tx, { ...about, suggestion, fallback: true })
        }
        return { suggestion, requestKey }
      }),
  }
}
export type Workers = ReturnType<typeof createWorkers>

const OK = { status: "ok" }
/** What was cut off because the job has what it waits for did not fail. */
const unlessDone =
  (signal: AbortSignal) =>
  (error: unknown): object => {
    if (signal.aborted) return OK
    throw error
  }
