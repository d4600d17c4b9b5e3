// Kills a busy queue at random points, on Bun and Node in turn, and says what was broken: `bun scripts/queue-kills.ts [kills]`.

import { killAgainAndAgain } from "../tests/engine/queue/kills.ts"

const end = await killAgainAndAgain(Number(process.argv[2] ?? 200))
process.stdout.write(`${JSON.stringify(end, null, 1)}\n`)
process.exitCode = end.violations.length === 0 ? 0 : 1
