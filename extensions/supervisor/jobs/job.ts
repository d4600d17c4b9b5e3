// The job that every workflow hands in, and the rows that it promises.

import type { JobInput } from "../../../src/engine/host/contract.ts"
import { actionsOf, type Effect, instruction } from "./instruction.ts"

/** A row that is there from the job's start, and ends with it whatever becomes of it. */
export interface Promised {
  messageId: string
  type: string
  placeholderTexts: string[]
  completeFallback: string
  errorFallback: string
  canceledFallback: string
}

export interface Work {
  jobKind: string
  projectId: string
  sessionId: string
  turnId: string
  dedupeKey: string
  paragraphs: (string | undefined)[]
  effects: Effect[]
  /** Beside what every job has. */
  more?: Record<string, unknown>
}

const BOOTSTRAP = {
  key: "supervisor.queue-runner.bootstrap.v1",
  instructionText: `You work as the supervisor of coding sessions. Your jobs are: explain and judge a change of files before it is made; review a
turn that changed files; write the message that a user is most likely to send next; name a session.

Be brief and exact, and write for the person who reads the session. Say what you see in the material and nothing that you only suppose.
Levels of risk are low (local, easily undone, what was asked for), med (others depend on it, or part of it was not asked for) and high (it
loses data, weakens security, reaches outside of the project, runs or installs something, or is not what was asked for).

Do in a job what its last block names and nothing else. Answer this message with one word: ready.`,
}

export function jobOf({ jobKind, projectId, sessionId, turnId, dedupeKey, ...work }: Work): JobInput {
  const { paragraphs, effects, more } = work
  return {
    type: "agent_instruction",
    projectId,
    sourceSessionId: sessionId,
    payload: {
      agent: "supervisor",
      jobKind,
      projectId,
      sourceSessionId: sessionId,
      threadId: sessionId,
      turnId,
      dedupeKey,
      instructionText: instruction(paragraphs, effects),
      bootstrapInstruction: BOOTSTRAP,
      expectResponse: "none",
      actions: actionsOf(effects),
      ...more,
    },
  }
}

/** Where the work belongs, as every instruction begins. */
export const placeLine = ({
  projectId,
  sessionId,
  turnId,
}: Pick<Work, "projectId" | "sessionId" | "turnId">) =>
  `Project ${projectId}, session ${sessionId}, turn ${turnId}.`
