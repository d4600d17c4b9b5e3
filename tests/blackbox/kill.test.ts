// The short form of scripts/kill-campaign.ts: the daemon and its child killed with -9 at random moments of a workload.

import { expect, test } from "bun:test"
import { runCampaign } from "../support/kill/campaign.ts"

test("whatever is killed when, what was acknowledged stays true and nothing survives", async () => {
  const { violations, summary, logged } = await runCampaign({ daemonKills: 6, childKills: 6, seed: 11 })
  expect(violations).toEqual([])
  expect(Object.keys(logged).filter((line) => line.startsWith("error"))).toEqual([])
  // It was a workload: otherwise nothing is proved.
  expect(summary.messages).toBeGreaterThan(20)
  expect(summary.decisions).toBeGreaterThan(3)
}, 240_000)
