// One instruction to an agent: a turn in the session that works for its owner, and what comes of it (wire-contract §6.5). The
// same work serves `suggest_request`, whose result is the suggestion itself (§6.4).

import * as v from "valibot"
import type { Config } from "../../base/config/config.ts"
import { type Job, type JobKind, jobKind } from "../../engine/queue/job.ts"
import { ChildEnded, WorkerGone } from "../workers/job/turn.ts"
import type { Workers } from "../workers/workers.ts"
import { isPassingFault } from "./passing.ts"

const text = (most: number) => v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(most))
const id = text(300)
const instructionText = text(1_000_000)
const bootstrapInstruction = v.optional(v.object({ key: id, instructionText }))
const draft = v.optional(v.pipe(v.string(), v.maxLength(4_000)))

const instruction = v.object({
  agent: id,
  jobKind: id,
  projectId: id,
  sourceSessionId: id,
  threadId: id,
  turnId: id,
  instructionText,
  itemId: v.optional(id),
  approvalId: v.optional(id),
  anchorItemId: v.optional(id),
  bootstrapInstruction,
  dedupeKey: v.optional(id),
  model: v.optional(id),
  effort: v.optional(id),
  expectResponse: v.optional(v.picklist(["none", "assistant_text", "action_intents"]), "none"),
  /** Of what the agent may do, what this job may: names of actions, or with some of the payload's values. Absent: all of it. */
  actions: v.optional(
    v.array(v.union([id, v.object({ action: id, where: v.record(v.string(), v.string()) })])),
  ),
  supplementalTargets: v.optional(
    v.pipe(
      v.array(
        v.object({
          messageId: id,
          type: id,
          placeholderTexts: v.optional(v.pipe(v.array(v.string()), v.maxLength(12))),
          completeFallback: v.optional(v.string()),
          errorFallback: v.optional(v.string()),
          canceledFallback: v.optional(v.string()),
        }),
      ),
      v.maxLength(8),
    ),
  ),
  completionSignal: v.optional(v.object({ kind: v.literal("suggested_request"), requestKey: id })),
  fallbackSuggestionDraft: draft,
})
export type Instruction = v.InferOutput<typeof instruction>

const suggestRequest = v.object({
  requestKey: id,
  sessionId: id,
  projectId: id,
  agent: v.optional(id, "default"),
  sourceThreadId: id,
  sourceTurnId: id,
  instructionText,
  bootstrapInstruction,
  model: v.optional(id),
  effort: v.optional(id),
  draft,
})

export interface InstructionNeeds {
  config: Config
  workers: Workers
}

/** wire-contract §6.4. */
const PASSING_WORDS =
  /timed out|timeout|(?:thread|conversation) not found|invalid (?:thread|conversation) id|no rollout found|temporarily unavailable/i

const isPassing = (error: unknown): boolean =>
  error instanceof ChildEnded ||
  error instanceof WorkerGone ||
  isPassingFault(error) ||
  (error instanceof Error && PASSING_WORDS.test(error.message))

const rules = ({ config }: InstructionNeeds) =>
  ({
    version: 1,
    lane: "interactive",
    dedupe: "single_flight",
    maxAttempts: config.orchestratorQueueMaxAttempts,
    backoff: { firstMs: 60, capMs: 5_000, jitter: 0.2 },
    graceMs: 1_500,
    isRetryable: isPassing,
    atShutdown: "requeue",
  }) as const satisfies Partial<JobKind>

export const agentInstruction = (needs: InstructionNeeds): JobKind =>
  jobKind<Instruction>({
    ...rules(needs),
    timeoutMs: Math.max(
      needs.config.orchestratorQueueDefaultTimeoutMs,
      needs.config.orchestratorAgentTurnTimeoutMs,
    ),
    parse: (payload) => v.parse(instruction, payload),
    run: (given, running) => needs.workers.work(given, running),
    settled: (tx, job) => needs.workers.settled(tx, job, v.parse(instruction, payloadOf(job))),
  })

export const suggestion = (needs: InstructionNeeds): JobKind =>
  jobKind<Instruction>({
    ...rules(needs),
    timeoutMs: needs.config.orchestratorQueueDefaultTimeoutMs,
    parse: (payload) => asInstruction(v.parse(suggestRequest, payload)),
    async run(given, running) {
      await needs.workers.work(given, running)
      return needs.workers.suggested(given)
    },
    settled: (tx, job) =>
      needs.workers.settled(tx, job, asInstruction(v.parse(suggestRequest, payloadOf(job)))),
  })

const payloadOf = (job: Job): unknown => JSON.parse(job.payload)

function asInstruction(given: v.InferOutput<typeof suggestRequest>): Instruction {
  const { requestKey, sessionId, sourceThreadId, sourceTurnId, draft, ...rest } = given
  return {
    ...rest,
    jobKind: "suggest_request",
    sourceSessionId: sessionId,
    threadId: sourceThreadId,
    turnId: sourceTurnId,
    expectResponse: "none",
    actions: ["suggestion.upsert"],
    completionSignal: { kind: "suggested_request", requestKey },
    fallbackSuggestionDraft: draft,
  }
}
