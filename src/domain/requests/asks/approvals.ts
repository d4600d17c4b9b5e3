// Approvals: what the app-server offers for one, and the word or object that a decision becomes. Nothing is sent that wasn't
// offered: an amendment is a rule that outlives the turn, so it is only ever the one that a person was shown.

import { Fault } from "../../../base/fault.ts"
import { LEGACY, list, methodOf, object, type Params } from "../kinds.ts"
import type { Approval } from "../verdict.ts"

export interface Network {
  host: string
  action: "allow" | "deny"
}
export interface Choice {
  decision: "accept" | "decline" | "cancel"
  scope?: "turn" | "session" | "always"
  execpolicyAmendment?: string[]
  networkPolicyAmendment?: Network
}

/** Every body that the decision route takes for it, in the app-server's order. */
export function wordsOf(method: string, params: Params): Choice[] {
  const { topic, words } = methodOf({ method })
  const always: Choice[] = [{ decision: "decline" }, { decision: "cancel" }]
  const turn: Choice = { decision: "accept", scope: "turn" }
  const session: Choice = { decision: "accept", scope: "session" }
  if (topic === "skill") return [turn, ...always]
  if (topic === "permissions") return [turn, session, ...always]
  if (Array.isArray(params.availableDecisions)) {
    const told = params.availableDecisions.flatMap((one): Choice[] => {
      if (one === words?.accept) return [turn]
      if (one === words?.acceptForSession) return [session]
      return amendmentOf(one)
    })
    return [...told, ...always]
  }
  const proposed = [
    { acceptWithExecpolicyAmendment: { execpolicy_amendment: params.proposedExecpolicyAmendment } },
    ...list(params.proposedNetworkPolicyAmendments).map((rule) => ({
      applyNetworkPolicyAmendment: { network_policy_amendment: rule },
    })),
  ]
  return [turn, session, ...(topic === "command" ? proposed.flatMap(amendmentOf) : []), ...always]
}

function amendmentOf(one: unknown): Choice[] {
  const { acceptWithExecpolicyAmendment: exec, applyNetworkPolicyAmendment: network } = object(one)
  const prefix = list(object(exec).execpolicy_amendment).filter((word) => typeof word === "string")
  if (prefix.length > 0) return [{ decision: "accept", execpolicyAmendment: prefix }]
  const { host, action } = object(object(network).network_policy_amendment)
  if (typeof host !== "string" || (action !== "allow" && action !== "deny")) return []
  const decision = action === "allow" ? "accept" : "decline"
  return [{ decision, networkPolicyAmendment: { host, action } }]
}

/** The decision as the request takes it. Throws `invalid_request` for what it doesn't offer. */
export function offered(method: string, params: Params, decided: Approval): Approval {
  const { topic } = methodOf({ method })
  const choices = wordsOf(method, params)
  const { decision, scope, execpolicyAmendment, networkPolicyAmendment, permissions } = decided
  if (execpolicyAmendment || networkPolicyAmendment) {
    const isIt = (choice: Choice) =>
      choice.decision === decision &&
      same(choice.execpolicyAmendment, execpolicyAmendment) &&
      same(choice.networkPolicyAmendment, networkPolicyAmendment)
    if (!choices.some(isIt)) throw misfit("this amendment was not offered", choices)
    return { ...decided, scope: "turn" }
  }
  if (permissions && (topic !== "permissions" || decision !== "accept"))
    throw misfit("permissions belong to the accept of a request for permissions", choices)
  if (permissions && !isWithin(permissions, grantOf(params.permissions)))
    throw misfit("more permissions than were asked for", choices)
  if (permissions && !keepsDenials(permissions, params.permissions))
    throw misfit("what was to stay denied has to stay in `entries`", choices)
  if (decision !== "accept") return decided
  const takes = (wanted: "turn" | "session") =>
    choices.some((choice) => choice.decision === "accept" && choice.scope === wanted)
  if (takes(scope)) return decided
  if (scope === "session" && takes("turn")) return { ...decided, scope: "turn" }
  throw misfit("a plain accept was not offered", choices)
}

/** The word or object of the app-server for a decision that fits. */
export function orders(method: string, decided: Approval): unknown {
  const { words } = methodOf({ method })
  if (!words) throw new Error(`${method} is answered with no word`)
  const { decision, scope, execpolicyAmendment, networkPolicyAmendment } = decided
  const isLegacy = words === LEGACY
  if (execpolicyAmendment) {
    return isLegacy
      ? { approved_execpolicy_amendment: { proposed_execpolicy_amendment: execpolicyAmendment } }
      : { acceptWithExecpolicyAmendment: { execpolicy_amendment: execpolicyAmendment } }
  }
  if (networkPolicyAmendment) {
    const rule = { network_policy_amendment: networkPolicyAmendment }
    return isLegacy ? { network_policy_amendment: rule } : { applyNetworkPolicyAmendment: rule }
  }
  return decision === "accept" && scope === "session" ? words.acceptForSession : words[decision]
}

/** A profile to grant: what is asked for as null is not asked for. */
export function grantOf(profile: unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object(profile)).filter(([, value]) => value !== null))
}

/** True when less than what was asked for is granted. */
export const isInPart = (granted: unknown, asked: unknown): boolean => !isWithin(said(asked), granted)

/** Without what says nothing. */
function said(profile: unknown): unknown {
  if (typeof profile !== "object" || profile === null || Array.isArray(profile)) return profile
  return Object.fromEntries(Object.entries(grantOf(profile)).map(([key, value]) => [key, said(value)]))
}

/** Entries that deny are what narrows the others: a grant of files without them would be more than was asked for. */
function keepsDenials(granted: unknown, asked: unknown): boolean {
  const { read, write, entries } = object(object(granted).fileSystem)
  const given = list(entries)
  if (list(read).length + list(write).length + given.length === 0) return true
  const denied = list(object(object(asked).fileSystem).entries).filter((one) => object(one).access === "deny")
  return denied.every((one) => given.some((other) => same(one, other)))
}

/** True when every part of a grant was asked for. */
function isWithin(granted: unknown, asked: unknown): boolean {
  if (granted === false && typeof asked === "boolean") return true
  if (Array.isArray(granted))
    return Array.isArray(asked) && granted.every((one) => asked.some((other) => same(one, other)))
  if (typeof granted !== "object" || granted === null) return granted === asked
  const known = object(asked)
  return Object.entries(granted).every(([key, value]) => key in known && isWithin(value, known[key]))
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

const misfit = (message: string, choices: Choice[]): Fault =>
  new Fault("invalid_request", `${message}; see \`choices\``, { issues: [], choices })
