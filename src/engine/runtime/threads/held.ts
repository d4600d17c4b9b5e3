// With which policy the child holds a loaded thread. A review asks nobody: its commands run in the thread's sandbox, on every
// binary, and `thread/resume` of a loaded thread changes nothing (both tried). So the sandbox is put right before it.

import { Fault } from "../../../base/fault.ts"
import type { Quirks } from "../quirks.ts"
import type { AskedPolicy } from "./policies.ts"

interface HeldPolicy {
  model: string | null
  approvalPolicy: AskedPolicy
  sandbox: string
  sandboxPolicy: Record<string, unknown>
}

export interface HeldNeeds {
  call(method: string, params: unknown, about: Record<string, unknown>): Promise<unknown>
  quirks(): Pick<Quirks, "updatesSettings">
  policyWord(asked: AskedPolicy): AskedPolicy
  /** The sandbox with which this run of the child loaded the thread. */
  heldBy(threadId: string): string | undefined
}

/** The wire's words; what lets least through first. */
const SANDBOXES = ["read-only", "workspace-write", "danger-full-access"]
/** Stands for a sandbox that nobody told us. */
export const LOOSEST = "danger-full-access"

/**
 * Makes that what runs next in a loaded thread without a policy of its own runs with this one. Throws `invalid_state` where
 * that can't be had: 0.105 and 0.130 run a review in the sandbox of the load, whatever turns have said since.
 */
export const createHeld =
  ({ call, quirks, policyWord, heldBy }: HeldNeeds) =>
  async (threadId: string, policy: HeldPolicy): Promise<void> => {
    const about = { sessionId: threadId }
    if (quirks().updatesSettings) {
      const params = {
        threadId,
        model: policy.model ?? undefined,
        approvalPolicy: policyWord(policy.approvalPolicy),
        sandboxPolicy: policy.sandboxPolicy,
      }
      await call("thread/settings/update", params, about)
      return
    }
    const held = heldBy(threadId) ?? LOOSEST
    if (SANDBOXES.indexOf(held) <= SANDBOXES.indexOf(policy.sandbox)) return
    const message =
      `this app-server would run its commands in ${held}, the sandbox that the thread was loaded with; the session's is ` +
      `${policy.sandbox} by now. Archive and unarchive the session: that loads it anew`
    throw new Fault("invalid_state", message, { method: "review/start", ...about })
  }
