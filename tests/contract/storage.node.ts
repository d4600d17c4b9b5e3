import { test } from "node:test"
import { openNodeDriver } from "../../src/base/storage/node-driver.ts"
import { storageSuite } from "./storage-suite.ts"

storageSuite({
  name: "node:sqlite on Node",
  test: (name, body) => void test(name, body),
  open: openNodeDriver,
})
