// The long form of tests/blackbox/fuzz.test.ts: `fuzz.ts [requests] [seed]`, a hundred thousand and a new seed unless told.

import { readFileSync } from "node:fs"
import { join } from "node:path"
import { COMMANDS, FAKE_CODEX, openPlace } from "../tests/support/daemon.ts"
import { fuzz } from "../tests/support/fuzz.ts"

const requests = Number(process.argv[2] ?? 100_000)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
process.stdout.write(`${requests} requests, seed ${seed}\n`)
await using place = openPlace("fuzz")
const env = { API_AUTH: "token", API_RPC: "true", ORCHESTRATOR_SUGGEST_REQUEST_WAIT_MS: "100" }
const daemon = await place.start({ command: COMMANDS.bun, codexBin: FAKE_CODEX, env })
const token = readFileSync(join(place.dataDir, "api-token"), "utf8").trim()
const { statuses, memory } = await fuzz({ daemon, token, requests, seed })
process.stdout.write(
  `${JSON.stringify(statuses)}; resident MiB at half-time and at the end: ${memory.join(", ")}\n`,
)
