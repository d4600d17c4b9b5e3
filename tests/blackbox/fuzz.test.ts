// Ten thousand requests made from the OpenAPI document, always the same: none is a 500, none hangs, none comes back as anything but
// JSON, and the daemon is no bigger for it. `npm run fuzz` sends a hundred thousand others.

import { test } from "bun:test"
import { strict as assert } from "node:assert"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { COMMANDS, FAKE_CODEX, openPlace } from "../support/daemon.ts"
import { fuzz } from "../support/fuzz.ts"

test("ten thousand requests, and nothing breaks", async () => {
  await using place = openPlace("fuzz")
  const env = { API_AUTH: "token", API_RPC: "true", ORCHESTRATOR_SUGGEST_REQUEST_WAIT_MS: "100" }
  const daemon = await place.start({ command: COMMANDS.bun, codexBin: FAKE_CODEX, env })
  const token = readFileSync(join(place.dataDir, "api-token"), "utf8").trim()
  const { statuses, memory } = await fuzz({ daemon, token, requests: 10_000, seed: 9 })
  const [half = 0, end = 0] = memory
  assert.ok(end - half < 80, `${half} MiB at half-time, ${end} MiB at the end`)
  // It got past the doors: what fits was done.
  assert.ok((statuses[200] ?? 0) > 1_000, JSON.stringify(statuses))
  assert.ok(!daemon.said().includes("a request failed by a bug"))
}, 300_000)
