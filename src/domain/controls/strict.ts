// Which of two tuples lets less through.

import { type ApprovalPolicy, type Controls, NETWORK_ACCESS, SANDBOXES } from "./tuple.ts"

/** Of the words, least first. A structured policy asks like `on-request`, and refuses some kinds unseen. */
const WORDS = ["untrusted", "structured", "on-request", "on-failure", "never"] as const

/** True if any part of `next` lets less through than the same part of `now`. */
export const isStricter = (next: Controls, now: Controls): boolean =>
  stricterPolicy(next.approvalPolicy, now.approvalPolicy) ||
  SANDBOXES.indexOf(next.filesystemSandbox) < SANDBOXES.indexOf(now.filesystemSandbox) ||
  NETWORK_ACCESS.indexOf(next.networkAccess) < NETWORK_ACCESS.indexOf(now.networkAccess)

function stricterPolicy(next: ApprovalPolicy, now: ApprovalPolicy): boolean {
  if (typeof next === "string" || typeof now === "string") return rankOf(next) < rankOf(now)
  const shown = shownBy(now)
  return Object.entries(shownBy(next)).some(([kind, shows]) => !shows && shown[kind])
}

const rankOf = (policy: ApprovalPolicy): number =>
  WORDS.indexOf(typeof policy === "string" ? policy : "structured")

/** Kinds of prompts that a structured policy puts before a person. */
function shownBy(policy: Exclude<ApprovalPolicy, string>): Record<string, boolean> {
  const names = [
    "sandbox_approval",
    "rules",
    "mcp_elicitations",
    "request_permissions",
    "skill_approval",
  ] as const
  const shows = (name: (typeof names)[number]): boolean =>
    "granular" in policy ? policy.granular[name] === true : policy.reject[name] !== true
  return Object.fromEntries(names.map((name) => [name, shows(name)]))
}
