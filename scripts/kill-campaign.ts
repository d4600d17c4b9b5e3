// The long form of tests/blackbox/kill.test.ts: `bun scripts/kill-campaign.ts --daemon 100 --child 100 --seed 1`.
// Prints a line a kill and a summary; exits 1 when anything was not as it was acknowledged.

import { parseArgs } from "node:util"
import { runCampaign } from "../tests/support/kill/campaign.ts"

const { values } = parseArgs({
  options: {
    daemon: { type: "string", default: "100" },
    child: { type: "string", default: "100" },
    seed: { type: "string", default: "1" },
  },
})
const print = (line: string) => void process.stdout.write(`${line}\n`)

const { violations, logged, refused, summary } = await runCampaign({
  daemonKills: Number(values.daemon),
  childKills: Number(values.child),
  seed: Number(values.seed),
  report: print,
})
for (const [line, times] of Object.entries(logged)) print(`logged ${times} times: ${line}`)
for (const [what, times] of Object.entries(refused)) print(`refused ${times} times: ${what}`)
for (const one of violations) print(`VIOLATION ${one}`)
print(JSON.stringify(summary))
process.exit(violations.length ? 1 : 0)
