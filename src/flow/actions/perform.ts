// The one door to the table of actions, for handlers of extensions and for workers: known, allowed, well-formed, in scope,
// then performed; under a key once, also over a restart (wire-contract §5.5).

import { Fault, isFault } from "../../base/fault.ts"
import { canonical } from "../../base/kit/canonical.ts"
import type { Keys } from "../../domain/keys/keys.ts"
import { isDeclared, type TrustMode } from "../../engine/host/found/judge.ts"
import type { Performed } from "../../engine/host/run/dispatch.ts"
import type { ActionNeeds, ActionRow, Actor, Opened, Outcome, Scope } from "./row.ts"
import { actionTable } from "./table.ts"

export interface PerformNeeds extends ActionNeeds {
  keys: Keys
  trustMode: TrustMode
}

export interface AskedAction {
  type: string
  payload: Record<string, unknown>
  idempotencyKey?: string | undefined
  scope: Scope
  actor: Actor
  /** Names of actions, `*` for all; undefined for an extension that declares none. A worker is always held to its list. */
  capabilities: readonly string[] | undefined
}

const LONGEST_KEY = 300
const KEPT: ReadonlySet<string> = new Set(["performed", "already_resolved", "not_eligible", "forbidden"])

export function createActions({ keys, trustMode, ...needs }: PerformNeeds) {
  const table = new Map(Object.entries(actionTable(needs)))

  async function perform(asked: AskedAction): Promise<Performed> {
    return { actionType: asked.type, ...(await outcomeOf(asked)) }
  }

  async function outcomeOf(asked: AskedAction): Promise<Outcome> {
    const { type, payload, idempotencyKey: key } = asked
    const row = table.get(type)
    if (!row) return { status: "invalid", details: { code: "unknown_action" } }
    if (key !== undefined && (key === "" || key.length > LONGEST_KEY))
      return { status: "invalid", details: { code: "invalid_idempotency_key" } }
    let opened: Opened
    try {
      opened = row.open(payload)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      return { status: "invalid", details: { code: "invalid_payload", message } }
    }
    const refused = refusal(asked, opened)
    if (key === undefined) return refused ?? opened.perform({ ...asked, keep: (_tx, outcome) => outcome })
    return once(asked, { key, row, opened, refused })
  }

  function refusal({ actor, capabilities, type, scope }: AskedAction, opened: Opened): Outcome | undefined {
    const isBound = actor.kind === "worker" || trustMode === "enforced"
    if (isBound && !isDeclared(capabilities && [...capabilities], type))
      return { status: "forbidden", details: { code: "undeclared_capability" } }
    const breach = opened.breach(scope)
    return breach && { status: "forbidden", details: { ...breach } }
  }

  /** What is remembered is remembered in the act that makes it true, where there is one. */
  async function once({ type, payload, scope, actor }: AskedAction, work: KeyedWork): Promise<Outcome> {
    const { key, row, opened, refused } = work
    try {
      return await keys.once<Outcome>({
        scope: `actions/${actor.kind}:${actor.name}`,
        key,
        body: canonical({ type, payload, scope }),
        ...(row.once && { recover: async () => UNKNOWN }),
        async run({ done }) {
          const outcome = refused ?? (await opened.perform({ scope, actor, keep: remembering(done) }))
          if (!KEPT.has(outcome.status)) throw new NotDone(outcome)
          await needs.db.act((tx) => done(tx, outcome))
          return outcome
        },
      })
    } catch (error) {
      if (error instanceof NotDone) return error.outcome
      if (isFault(error, "idempotency_key_reused"))
        return { status: "conflict", details: { code: "idempotency_conflict" } }
      throw error
    }
  }

  return { perform }
}
export type Actions = ReturnType<typeof createActions>

interface KeyedWork {
  key: string
  row: ActionRow
  opened: Opened
  refused: Outcome | undefined
}

const remembering =
  <Tx>(done: (tx: Tx, outcome: Outcome) => void) =>
  (tx: Tx, outcome: Outcome): Outcome => {
    done(tx, outcome)
    return outcome
  }

const UNKNOWN: Outcome = {
  status: "failed",
  details: { code: "indeterminate", message: "it is not known whether this was done; it is not repeated" },
}

/** Nothing was done: the key is free again. */
class NotDone extends Fault {
  readonly outcome: Outcome

  constructor(outcome: Outcome) {
    super("invalid_state", `the action was ${outcome.status}`)
    this.outcome = outcome
  }
}
