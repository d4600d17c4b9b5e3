import { test } from "bun:test"
import { createBunPlatform } from "../../src/base/platform/bun.ts"
import { workerSuite } from "./worker-suite.ts"

workerSuite({ test: (name, run) => test(name, run, 20_000), platform: createBunPlatform() })
