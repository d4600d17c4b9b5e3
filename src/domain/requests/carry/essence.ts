// What makes two requests the same: a decision that was made of one may answer the other, once. Anything that this page
// can't compare is different (decisions 18: never an automatic accept of something that differs).

import { questionsOf } from "../asks/questions.ts"
import type { Params } from "../kinds.ts"
import type { Request } from "../store.ts"

/** What must be equal, by method; a method that isn't here doesn't carry over. */
const SAME: Readonly<Record<string, readonly string[]>> = {
  // What it would run, where and on which machine, and what it would be allowed beyond the sandbox.
  "item/commandExecution/requestApproval": [
    "command",
    "cwd",
    "environmentId",
    "additionalPermissions",
    "networkApprovalContext",
  ],
  "item/fileChange/requestApproval": ["changes", "grantRoot"],
  "item/permissions/requestApproval": ["permissions", "cwd", "environmentId"],
}

/** Without it there is nothing to compare. */
const NEEDED: Readonly<Record<string, string>> = {
  "item/commandExecution/requestApproval": "command",
  "item/fileChange/requestApproval": "changes",
  "item/permissions/requestApproval": "permissions",
}

const ASKS = new Set(["item/tool/requestUserInput", "tool/requestUserInput"])

/** True for what a person can still decide after the child is gone. Answers that are secret are never put into a message. */
export function carriesOver({ method, params }: Pick<Request, "method" | "params">): boolean {
  const asked = JSON.parse(params) as Params
  if (!ASKS.has(method)) return essenceOf(method, asked) !== undefined
  return questionsOf(method, asked).every(({ isSecret }) => !isSecret)
}

/** The same text for the same request; undefined for one that can't be the same as any. */
export function essenceOf(method: string, params: Params): string | undefined {
  const keys = SAME[method]
  const needed = NEEDED[method]
  if (!keys || needed === undefined || isNothing(params[needed])) return undefined
  // Input for a command that ran: that died with its process. And what has to be decided afresh each time.
  if ((params.kind ?? "command") !== "command") return undefined
  return `${method} ${canonical(keys.map((key) => params[key] ?? null))}`
}

const isNothing = (value: unknown): boolean =>
  value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0)

/** JSON with the keys of objects in order, and without those that say nothing. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).filter(([, one]) => one !== null && one !== undefined)
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${sorted.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join()}}`
}
