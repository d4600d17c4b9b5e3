// What a worker asks for in its answer: `{kind: "action_intents", intents: […]}`, whole, in a fenced block, or between the first
// brace and the last (wire-contract §6.5). They are performed in order through the door that everybody uses.

import * as v from "valibot"
import { digestOf } from "../../../base/kit/digest.ts"
import type { Performed } from "../../../engine/host/run/dispatch.ts"
import type { Actions } from "../../actions/perform.ts"
import type { Scope } from "../../actions/row.ts"
import type { Instruction } from "../../jobs/agent-instruction.ts"
import { payloadOf } from "../agent/tools.ts"

const intent = v.object({
  kind: v.literal("action_request"),
  actionType: v.pipe(v.string(), v.minLength(1)),
  payload: v.record(v.string(), v.unknown()),
  requestId: v.optional(v.pipe(v.string(), v.maxLength(200))),
  idempotencyKey: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(300))),
})
const answer = v.object({
  kind: v.literal("action_intents"),
  intents: v.pipe(v.array(intent), v.minLength(1), v.maxLength(32)),
})
export type Intent = v.InferOutput<typeof intent>
export type IntentResult = Performed & { requestId?: string; idempotencyKey: string }

/** Throws, with what is wrong. */
export function intentsIn(text: string): Intent[] {
  let why = "it holds no JSON"
  for (const candidate of candidatesIn(text)) {
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), answer), candidate)
    if (parsed.success) return parsed.output.intents
    const issue = parsed.issues[0]
    why = `${v.getDotPath(issue) ?? "it"}: ${issue.message}`
  }
  throw new Error(`the agent's answer is no list of action intents: ${why}`)
}

function candidatesIn(text: string): string[] {
  const fenced = [...text.matchAll(/```(?:json)?\s*\n([\s\S]*?)```/g)].map(([, inner]) => inner ?? "")
  const [from, to] = [text.indexOf("{"), text.lastIndexOf("}")]
  return [text, ...fenced, ...(from >= 0 && to > from ? [text.slice(from, to + 1)] : [])]
}

export interface PerformIntents {
  intents: Intent[]
  given: Instruction
  scope: Scope
  perform(
    action: Pick<Intent, "actionType" | "payload"> & { idempotencyKey: string },
  ): ReturnType<Actions["perform"]>
  performed(index: number, result: IntentResult): Promise<void>
}

const BAD: ReadonlySet<string> = new Set(["failed", "invalid", "forbidden"])

/** Throws for one that failed, was invalid or forbidden; those before it are done, and are not done again by another attempt. */
export async function performIntents({ intents, given, scope, perform, performed }: PerformIntents) {
  const results: IntentResult[] = []
  for (const [at, { actionType, payload: asked, requestId, idempotencyKey: own }] of intents.entries()) {
    const payload = payloadOf(actionType, asked, scope)
    const { projectId, sourceSessionId, turnId, jobKind } = given
    const digest = await digestOf({ actionType, payload, scope })
    const idempotencyKey = own ?? [projectId, sourceSessionId, turnId, jobKind, digest].join(":").slice(-300)
    const done = await perform({ actionType, payload, idempotencyKey })
    const result = { ...done, idempotencyKey, ...(requestId !== undefined && { requestId }) }
    results.push(result)
    await performed(at + 1, result)
    if (BAD.has(done.status))
      throw new Error(
        `action intent ${at + 1}, ${actionType}, was ${done.status}: ${JSON.stringify(done.details ?? {})}`,
      )
  }
  return results
}
