// What a job may do is what the agent may do and the job names, down to the values that it names.

import { expect, test } from "bun:test"
import type { AskedAction } from "../../src/flow/actions/perform.ts"
import { type AtWork, createHands } from "../../src/flow/workers/job/hands.ts"

type Granted = string | { action: string; where: Record<string, string> }

/** The capabilities with which an action of that job is asked for. */
async function asked(actions: Granted[] | undefined, payload: Record<string, unknown>): Promise<unknown> {
  let seen: AskedAction | undefined
  const hands = createHands(async (one) => {
    seen = one
    return { actionType: one.type, status: "performed" }
  })
  const work = {
    agent: { name: "a", actions: ["*"] },
    given: { actions, projectId: "p", sourceSessionId: "s", turnId: "t" },
    running: { job: { id: "j" } },
  } as unknown as AtWork
  await hands.act(work, { type: "approval.decide", payload })
  return seen?.capabilities
}

test("a job without a list may do what its agent may", async () => {
  expect(await asked(undefined, {})).toEqual(["*"])
})

test("names are whole actions; with values, only the action with these", async () => {
  const decline = { action: "approval.decide", where: { approvalId: "1", decision: "decline" } }
  expect(await asked(["approval.decide"], { decision: "accept" })).toEqual(["*"])
  expect(await asked(["turn.steer.create"], { decision: "accept" })).toEqual([])
  expect(await asked([decline], { approvalId: "1", decision: "decline" })).toEqual(["*"])
  expect(await asked([decline], { approvalId: "1", decision: "accept" })).toEqual([])
  expect(await asked([decline], { approvalId: "2", decision: "decline" })).toEqual([])
  expect(await asked([decline], { decision: "decline" })).toEqual([])
  expect(await asked([], {})).toEqual([])
})
