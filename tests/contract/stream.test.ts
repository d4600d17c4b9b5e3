import { test } from "bun:test"
import { streamSuite } from "./stream-suite.ts"

streamSuite({ test: (name, run) => test(name, run, 30_000) })
