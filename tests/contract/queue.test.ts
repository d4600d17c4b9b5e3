import { test } from "bun:test"
import { openBunDriver } from "../../src/base/storage/bun-driver.ts"
import { openNodeDriver } from "../../src/base/storage/node-driver.ts"
import { queueSuite } from "./queue-suite.ts"

queueSuite({ name: "bun:sqlite", test, open: openBunDriver })
queueSuite({ name: "node:sqlite on Bun", test, open: openNodeDriver })
