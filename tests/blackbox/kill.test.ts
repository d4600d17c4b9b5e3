// The short form of scripts/kill-campaign.ts: the daemon and its child killed with -9 at random moments of a workload.

import { expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { openPlace } from "../support/daemon.ts"
import { runCampaign } from "../support/kill/campaign.ts"
import { openStand } from "../support/kill/stand.ts"
import { createTape } from "../support/kill/tape.ts"

test("whatever is killed when, what was acknowledged stays true and nothing survives", async () => {
  const { violations, summary, logged } = await runCampaign({ daemonKills: 6, childKills: 6, seed: 11 })
  expect(violations).toEqual([])
  expect(Object.keys(logged).filter((line) => line.startsWith("error"))).toEqual([])
  // It was a workload: otherwise nothing is proved.
  expect(summary.messages).toBeGreaterThan(20)
  expect(summary.decisions).toBeGreaterThan(3)
}, 240_000)

test("a session goes on whose file the child had made and not written when it was killed", async () => {
  await using place = openPlace("blank")
  const tape = createTape()
  const stand = await openStand({ place, tape })
  const session = await stand.open()
  expect(await stand.revive([session])).toEqual([])
  await stand.end("SIGKILL")
  const rollouts = new Bun.Glob(`**/*${session}*.jsonl`).scanSync({ cwd: place.dataDir, absolute: true })
  const blank = [...rollouts]
  expect(blank.length).toBe(1)
  for (const file of blank) writeFileSync(file, "")
  const from = tape.frames.length
  await stand.start()
  await stand.nextRun(from)
  expect(await stand.revive([session])).toEqual([])
  const answer = await fetch(`${stand.url}/api/sessions/${session}`)
  const { transcript } = (await answer.json()) as { transcript: { role: string; content: string }[] }
  const said = transcript.filter(({ role }) => role === "user").map(({ content }) => content)
  expect(said).toEqual(["echo: still here", "echo: still here"])
  expect(tape.violations).toEqual([])
  await stand.end("SIGTERM")
}, 240_000)
