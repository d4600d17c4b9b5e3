import { test } from "bun:test"
import { openBunDriver } from "../../src/base/storage/bun-driver.ts"
import { openNodeDriver } from "../../src/base/storage/node-driver.ts"
import { storageSuite } from "./storage-suite.ts"

storageSuite({ name: "bun:sqlite", test, open: openBunDriver })
// Bun ships node:sqlite too.
storageSuite({ name: "node:sqlite on Bun", test, open: openNodeDriver })
