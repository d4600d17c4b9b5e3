// The short form of scripts/queue-kills.ts.

import { expect, test } from "bun:test"
import { killAgainAndAgain } from "./kills.ts"

test("kill -9 of a busy queue loses nothing acknowledged, ends nothing twice, and all is over at last", async () => {
  const end = await killAgainAndAgain(6)
  expect(end.violations).toEqual([])
  expect(end.acknowledged).toBeGreaterThan(50)
  expect(end.ended).toBeGreaterThan(20)
}, 60_000)
