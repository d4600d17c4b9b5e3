import { expect, test } from "bun:test"
import { createHeld } from "../../../src/engine/runtime/threads/held.ts"

const policyOf = (sandbox: string) => ({
  model: null,
  approvalPolicy: "untrusted",
  sandbox,
  sandboxPolicy: { type: sandbox },
})

function held(updatesSettings: boolean, loadedWith?: string) {
  const calls: unknown[][] = []
  const apply = createHeld({
    call: async (...args) => void calls.push(args),
    quirks: () => ({ updatesSettings }),
    policyWord: (asked) => asked,
    heldBy: () => loadedWith,
  })
  return { calls, apply }
}

test("where a loaded thread can be changed it is told the session's policy", async () => {
  const { calls, apply } = held(true, "danger-full-access")
  await apply("t", policyOf("read-only"))
  const params = { threadId: "t", approvalPolicy: "untrusted", sandboxPolicy: { type: "read-only" } }
  expect(calls).toMatchObject([["thread/settings/update", params, { sessionId: "t" }]])
})

test("elsewhere nothing runs in a sandbox that lets through more than the session's", async () => {
  const words = ["read-only", "workspace-write", "danger-full-access"]
  for (const [i, was] of words.entries()) {
    for (const [j, now] of words.entries()) {
      const { calls, apply } = held(false, was)
      const outcome = await apply("t", policyOf(now)).then(
        () => "runs",
        (error) => error.code,
      )
      expect(outcome).toBe(i <= j ? "runs" : "invalid_state")
      expect(calls).toEqual([])
    }
  }
})

test("a thread whose sandbox nobody knows counts as the loosest", async () => {
  const { apply } = held(false)
  await expect(apply("t", policyOf("workspace-write"))).rejects.toThrow("danger-full-access")
  await apply("t", policyOf("danger-full-access"))
})
