// The questions of a request and what answers them: which are open still, and which answers are secret.

import { list, methodOf, object, type Params, string } from "../kinds.ts"
import type { Request } from "../store.ts"
import { formOf } from "./elicitation.ts"
import { textsIn } from "./secrets.ts"

export type Answers = Record<string, { answers: string[] }>

export interface Answer {
  answers?: Answers | undefined
  content?: Record<string, unknown> | undefined
  response?: unknown
}

export interface Question {
  id: string
  header: string
  question: string
  /** Null: free text. */
  options: unknown[] | null
  /** Free text beside the options. */
  isOther: boolean
  isSecret: boolean
}

/** As clients see them; those of a form say more (type, required, default). */
export function questionsOf(method: string, params: Params): Question[] {
  if (methodOf({ method }).topic === "elicitation")
    return formOf(params).fields.map(({ values: _values, ...question }) => question)
  return list(params.questions).map((one) => {
    const { id, header, question, options, isOther, isSecret } = object(one)
    return {
      id: String(id),
      header: string(header) ?? "",
      question: string(question) ?? "",
      options: Array.isArray(options) ? options : null,
      isOther: isOther === true,
      isSecret: isSecret === true,
    }
  })
}

/** Ids of questions that must be answered and are not. */
export function unansweredOf(method: string, params: Params, answers: Answers): string[] {
  const isOptional = (question: Question) => "required" in question && question.required === false
  return questionsOf(method, params)
    .filter((question) => !isOptional(question))
    .filter(({ id }) => !(answers[id]?.answers ?? []).some((text) => text.trim() !== ""))
    .map(({ id }) => id)
}

/** True when an answer to it may hold a secret. */
export const asksSecrets = ({ method, params }: { method: string; params: string }): boolean =>
  methodOf({ method }).kind === "tool_input" &&
  questionsOf(method, JSON.parse(params) as Params).some(({ isSecret }) => isSecret)

/**
 * Every text in an answer that may be a secret: what is said to a question that is plain is none; a result in a shape of the
 * client's own may hold it anywhere.
 */
export function secretsIn({ method, params }: Pick<Request, "method" | "params">, answer: Answer): string[] {
  const questions = questionsOf(method, JSON.parse(params) as Params)
  const plain = new Set(questions.filter(({ isSecret }) => !isSecret).map(({ id }) => id))
  const hidden = (given: object = {}) =>
    Object.entries(given).flatMap(([id, one]) => (plain.has(id) ? [] : textsIn(one)))
  return [...hidden(answer.answers), ...hidden(answer.content), ...textsIn(answer.response)]
}
