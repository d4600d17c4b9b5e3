import { test } from "bun:test"
import { createBunPlatform } from "../../src/base/platform/bun.ts"
import { hostSuite } from "./host-suite.ts"

hostSuite({ test: (name, run) => test(name, run, 30_000), platform: createBunPlatform() })
