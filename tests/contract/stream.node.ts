// Run by `node --test`.
import { test } from "node:test"
import { streamSuite } from "./stream-suite.ts"

streamSuite({ test: (name, run) => void test(name, { timeout: 120_000 }, run) })
