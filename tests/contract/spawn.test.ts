// The spawn contract: Bun here, Node 24 in a process of its own (spawn.node.ts).

import { describe, expect, test } from "bun:test"
import { join } from "node:path"
import { spawnOnBun } from "../../src/base/platform/bun-spawn.ts"
import { spawnCases } from "./spawn-suite.ts"

describe("spawn on Bun", () => {
  for (const { name, run } of spawnCases({ spawn: spawnOnBun })) test(name, run)
})

test("spawn on Node 24 passes the same suite", async () => {
  const root = join(import.meta.dirname, "../..")
  const node = Bun.spawn([join(root, "node_modules/.bin/node"), "--test", "tests/contract/spawn.node.ts"], {
    cwd: root,
    stdout: "pipe",
    stderr: "pipe",
  })
  const said = await new Response(node.stdout).text()
  expect(await node.exited, said).toBe(0)
  expect(said).toMatch(/pass 9/)
}, 60_000)
