import { test } from "node:test"
import { openNodeDriver } from "../../src/base/storage/node-driver.ts"
import { queueSuite } from "./queue-suite.ts"

queueSuite({ name: "node:sqlite on Node", test: (name, body) => void test(name, body), open: openNodeDriver })
