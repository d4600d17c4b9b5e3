// Run by `node --test`: Node's answer to the spawn contract.

import test from "node:test"
import { spawnOnNode } from "../../src/base/platform/node-spawn.ts"
import { spawnCases } from "./spawn-suite.ts"

for (const { name, run } of spawnCases({ spawn: spawnOnNode })) test(name, run)
