// Run by `node --test`.
import { test } from "node:test"
import { createNodePlatform } from "../../src/base/platform/node.ts"
import { hostSuite } from "./host-suite.ts"

hostSuite({
  test: (name, run) => void test(name, { timeout: 120_000 }, run),
  platform: createNodePlatform(),
})
