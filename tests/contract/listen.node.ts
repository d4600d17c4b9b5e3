// Run by `node --test`.
import { test } from "node:test"
import { createNodePlatform } from "../../src/base/platform/node.ts"
import { listenSuite } from "./listen-suite.ts"

listenSuite({
  test: (name, run) => void test(name, { timeout: 30_000 }, run),
  platform: createNodePlatform(),
})
