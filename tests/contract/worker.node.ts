// Run by `node --test`.
import { test } from "node:test"
import { createNodePlatform } from "../../src/base/platform/node.ts"
import { workerSuite } from "./worker-suite.ts"

workerSuite({
  test: (name, run) => void test(name, { timeout: 120_000 }, run),
  platform: createNodePlatform(),
})
