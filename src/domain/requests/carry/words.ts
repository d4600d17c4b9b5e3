// What the model is told when an interrupted turn goes on: what it had asked, that the runtime restarted, what the person
// decided. It is marked as the daemon's own words, so that nobody takes it for the person's.

import { grantOf, isInPart } from "../asks/approvals.ts"
import { changesOf } from "../asks/changes.ts"
import { type Answers, questionsOf } from "../asks/questions.ts"
import { commandOf, type Params } from "../kinds.ts"
import type { Request } from "../store.ts"
import type { Decision, Input } from "../verdict.ts"

/** The text of the one turn that carries these requests over. */
export function carryText(requests: Request[]): string {
  const approved = requests.some(({ kind }) => kind === "approval")
  return noted([
    "This note is from codexd, the service that you run under; the person did not write it. The runtime was restarted while a request of yours waited for the person, and that interrupted your turn. The person has answered since:",
    ...requests.map((request) => `- ${sentenceOf(request)}`),
    ...(approved ? [REPEAT] : []),
    "Go on where your turn was interrupted.",
  ])
}

/** The text of a turn that looks into a request whose outcome nobody knows. */
export const lookIntoText = (request: Request): string =>
  noted([
    "This note is from codexd, the service that you run under; the person did not write it. The runtime ended just after this was answered, and nobody knows whether it was carried out:",
    `- ${whatOf(request)}`,
    "Find out whether it was done. If it was not and is still needed, ask for it again; it will be put before the person.",
  ])

const REPEAT =
  "None of what was accepted has been carried out; where your history calls it aborted by the user, that was the restart and not the person. Where you still need it, ask for exactly the same again now, the same command in the same folder or the same patch: the person's decision is then used, once. Anything that differs is put before the person as a new request."

const noted = (lines: string[]): string =>
  ["<runtime_restarted>", ...lines, "</runtime_restarted>"].join("\n")

function sentenceOf(request: Request): string {
  const decided = JSON.parse(request.decision ?? "null") as Decision | null
  if (decided?.kind === "tool_input") return `${whatOf(request)}\n${answersOf(request, decided)}`
  return `${whatOf(request)}\n  ${acceptOf(request, decided)}`
}

/** Permissions may have been granted in part: the model must not count on the rest. */
function acceptOf({ params }: Request, decided: Decision | null): string {
  const asked = (JSON.parse(params) as Params).permissions
  const granted = decided?.kind === "approval" ? decided.permissions : undefined
  if (granted === undefined || !isInPart(granted, asked)) return "The person accepted it."
  return `The person accepted a part of it, and that part alone will be granted: ${JSON.stringify(grantOf(granted))}`
}

function whatOf({ params: text, summary, kind, method }: Request): string {
  const params = JSON.parse(text) as Params
  if (kind === "tool_input") return `You asked the person ${summary}.`
  if (method === "item/fileChange/requestApproval")
    return `You asked to change files:\n${indented(patchOf(params))}`
  const command = commandOf(params)
  if (command === undefined)
    return `You asked for more permissions:\n${indented(JSON.stringify(params.permissions))}`
  return `You asked to run this command in ${String(params.cwd ?? "the working directory")}:\n${indented(command)}`
}

const patchOf = (params: Params): string =>
  (changesOf(params) ?? []).map(({ kind, path, diff }) => `${kind} ${path}\n${diff}`).join("\n")

function answersOf({ method, params }: Request, decided: Input): string {
  if ("response" in decided) return `  The answer: ${JSON.stringify(decided.response)}`
  const answers: Answers = decided.answers ?? {}
  const lines = questionsOf(method, JSON.parse(params) as Params).map(({ id, question }) => {
    const given = answers[id]?.answers ?? []
    return `  ${question} ${given.length === 0 ? "(no answer)" : given.join(", ")}`
  })
  return lines.join("\n")
}

const indented = (text: string): string => text.replaceAll(/^/gm, "  ")
