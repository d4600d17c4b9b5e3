import { expect, test } from "bun:test"
import { createPolicies, policyFor } from "../../../src/engine/runtime/threads/policies.ts"

const OLDEST = { onFailurePolicy: true, rejectPolicy: true, stableOnly: false }
const OLDER = { onFailurePolicy: true, rejectPolicy: false, stableOnly: false }
const NEWEST = { onFailurePolicy: false, rejectPolicy: false, stableOnly: false }

test("words that a binary knows are sent as they are", () => {
  for (const quirks of [OLDEST, OLDER, NEWEST]) {
    for (const asked of ["untrusted", "on-request", "never"]) {
      expect(policyFor(asked, quirks)).toEqual({ asked, sent: asked })
    }
  }
  expect(policyFor("on-failure", OLDER)).toEqual({ asked: "on-failure", sent: "on-failure" })
})

test("on-failure, where it was retired, is sent as on-request and said so", () => {
  const { asked, sent, note } = policyFor("on-failure", NEWEST)
  expect({ asked, sent }).toEqual({ asked: "on-failure", sent: "on-request" })
  expect(note).toContain("on-failure")
  expect(note).toContain("on-request")
})

test("a structured policy is spelled as the binary spells it: what one rejects the other does not grant", () => {
  const reject = { sandbox_approval: true, rules: false, mcp_elicitations: false }
  const granular = { sandbox_approval: false, rules: true, mcp_elicitations: true }
  expect(policyFor({ reject }, OLDEST)).toEqual({ asked: { reject }, sent: { reject } })
  expect(policyFor({ granular }, NEWEST)).toEqual({ asked: { granular }, sent: { granular } })
  expect(policyFor({ granular }, OLDEST).sent).toEqual({ reject })
  expect(policyFor({ reject }, NEWEST).sent).toEqual({
    granular: { ...granular, request_permissions: true, skill_approval: true },
  })
  expect(policyFor({ reject }, NEWEST).note).toContain("reject")
})

test("without the experimental API a structured policy is the strictest word", () => {
  const kinds = { sandbox_approval: false, rules: false, mcp_elicitations: false }
  for (const asked of [{ granular: kinds }, { reject: kinds }]) {
    const { sent, note } = policyFor(asked, { ...NEWEST, stableOnly: true })
    expect(sent).toBe("untrusted")
    expect(note).toContain("untrusted")
  }
})

test("what was substituted is said as long as the binary of now would need it again", () => {
  let quirks = NEWEST
  const policies = createPolicies(() => quirks)
  expect([policies.word("on-failure"), policies.word("on-failure"), policies.word("never")]).toEqual([
    "on-request",
    "on-request",
    "never",
  ])
  expect(policies.notes()).toHaveLength(1)
  quirks = OLDER
  expect(policies.notes()).toEqual([])
})
