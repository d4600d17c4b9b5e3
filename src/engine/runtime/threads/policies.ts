// Approval policies in the words of the binary that runs. One that it retired is sent as the nearest stricter one that it
// knows, and said so; what was asked for is kept by the caller.

import type { Quirks } from "../quirks.ts"

/** A word, or an object with one key: `reject` or `granular`. */
export type AskedPolicy = string | StructuredPolicy
export interface StructuredPolicy {
  reject?: Kinds
  granular?: Kinds
}
/** Kinds of prompts, by name. */
type Kinds = Readonly<Record<string, boolean | undefined>>

export interface SentPolicy {
  asked: AskedPolicy
  sent: AskedPolicy
  /** For people: why another one is sent. Absent when it is the one that was asked for. */
  note?: string
}

/** Policies for the binary of now. */
export function createPolicies(quirks: () => Needs) {
  /** Those that another one was sent for, by their JSON. */
  const substituted = new Map<string, AskedPolicy>()
  const sentFor = (asked: AskedPolicy): SentPolicy => policyFor(asked, quirks())
  return {
    sentFor,
    /** What to send. */
    word(asked: AskedPolicy): AskedPolicy {
      const { sent, note } = sentFor(asked)
      if (note !== undefined) substituted.set(JSON.stringify(asked), asked)
      return sent
    },
    /** What was substituted and would be again: another binary may run by now. */
    notes: (): string[] => [...substituted.values()].flatMap((asked) => sentFor(asked).note ?? []),
  }
}

type Needs = Pick<Quirks, "onFailurePolicy" | "rejectPolicy" | "stableOnly">

/**
 * `on-failure` becomes `on-request`: both keep commands inside the sandbox, but `on-failure` offers to run what failed again
 * outside (tried on 0.130). A structured policy takes the other spelling; without the experimental API it is `untrusted`.
 */
export function policyFor(asked: AskedPolicy, quirks: Needs): SentPolicy {
  if (typeof asked === "string") {
    return asked === "on-failure" && !quirks.onFailurePolicy
      ? instead(asked, "on-request")
      : { asked, sent: asked }
  }
  if (quirks.stableOnly) return instead(asked, "untrusted")
  if (quirks.rejectPolicy)
    return asked.granular ? instead(asked, rejecting(asked.granular)) : { asked, sent: asked }
  return asked.reject ? instead(asked, granting(asked.reject)) : { asked, sent: asked }
}

const instead = (asked: AskedPolicy, sent: AskedPolicy): SentPolicy => ({
  asked,
  sent,
  note: `this codex does not know the approval policy ${nameOf(asked)}: ${nameOf(sent)}, the nearest one that is no looser, is sent`,
})

const nameOf = (policy: AskedPolicy): string => (typeof policy === "string" ? policy : JSON.stringify(policy))

/** Prompts of a kind that `granular` doesn't allow are rejected; the two kinds that `reject` has no word for were refused by us anyway. */
const rejecting = (kinds: Kinds): StructuredPolicy => ({
  reject: {
    sandbox_approval: !kinds.sandbox_approval,
    rules: !kinds.rules,
    mcp_elicitations: !kinds.mcp_elicitations,
  },
})

/** Kinds that `reject` doesn't name are put before a person, as they were. */
const granting = (kinds: Kinds): StructuredPolicy => ({
  granular: {
    sandbox_approval: !kinds.sandbox_approval,
    rules: !kinds.rules,
    mcp_elicitations: !kinds.mcp_elicitations,
    request_permissions: !kinds.request_permissions,
    skill_approval: !kinds.skill_approval,
  },
})
