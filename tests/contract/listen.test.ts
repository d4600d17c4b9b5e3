import { test } from "bun:test"
import { createBunPlatform } from "../../src/base/platform/bun.ts"
import { listenSuite } from "./listen-suite.ts"

listenSuite({ test: (name, run) => test(name, run, 30_000), platform: createBunPlatform() })
