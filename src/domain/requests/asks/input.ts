// Answers to questions and forms: nothing is sent while a question is open, and what is sent has the shape that the asking
// side takes. Faults name questions, never answers: these may be secret.

import { Fault } from "../../../base/fault.ts"
import { methodOf, type Params } from "../kinds.ts"
import type { Input } from "../verdict.ts"
import { contentOf, formOf, persistsOf } from "./elicitation.ts"
import { unansweredOf } from "./questions.ts"

/** The decision as the request takes it. Throws `invalid_request` naming what is unanswered or doesn't fit. */
export function fittedInput(method: string, params: Params, decided: Input): Input {
  if (decided.decision !== "accept" || "response" in decided) return decided
  const { topic } = methodOf({ method })
  const answers = decided.answers ?? {}
  const form = topic === "elicitation" ? formOf(params) : undefined
  if (form && !["form", "url"].includes(form.mode) && decided.content === undefined)
    throw new Fault(
      "invalid_request",
      `codexd can't answer mode ${form.mode}: send \`response\` or \`content\``,
      {
        issues: [],
      },
    )
  const isFilled = form !== undefined && decided.content !== undefined
  const unanswered = isFilled ? [] : unansweredOf(method, params, answers)
  if (unanswered.length > 0)
    throw new Fault("invalid_request", `unanswered: ${unanswered.join(", ")}`, {
      unanswered,
      issues: unanswered.map((id) => issue(id, "is unanswered")),
    })
  if (!form) return decided
  const { misfits } = isFilled ? { misfits: {} } : contentOf(form.fields, answers)
  const wrong = Object.entries(misfits)
  if (wrong.length > 0)
    throw new Fault("invalid_request", wrong.map(([id, words]) => `${id}: must be ${words}`).join("; "), {
      issues: wrong.map(([id, words]) => issue(id, `must be ${words}`)),
    })
  const { scope = "turn" } = decided
  return { ...decided, scope: persistsOf(params).includes(scope) ? scope : "turn" }
}

const issue = (id: string, message: string) => ({ code: "custom", path: ["answers", id], message })

/** The result that is sent to the child. */
export function inputVerdict(method: string, params: Params, decided: Input): unknown {
  if ("response" in decided) return decided.response
  const { decision, answers = {}, content, scope } = decided
  if (methodOf({ method }).topic !== "elicitation") return { answers: decision === "accept" ? answers : {} }
  if (decision !== "accept") return { action: decision, content: null, _meta: null }
  const { mode, fields } = formOf(params)
  const filled = mode === "url" ? null : (content ?? contentOf(fields, answers).content)
  const persists = scope === "session" || scope === "always"
  return { action: decision, content: filled, _meta: persists ? { persist: scope } : null }
}
