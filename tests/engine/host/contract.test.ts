// The page for authors is complete, and the examples of the contract are what the contract says.

import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { ACTIONS, EVENTS } from "../../../src/engine/host/contract.ts"
import { LOAD_FAILURES } from "../../../src/engine/host/link/wire.ts"

const root = join(import.meta.dir, "../../..")
const page = readFileSync(join(root, "docs/extensions.md"), "utf8")
const contract = readFileSync(join(root, "src/engine/host/contract.ts"), "utf8")

test("every event is on the page with how it is delivered", () => {
  for (const [type, { delivery }] of Object.entries(EVENTS)) {
    const row = page.split("\n").find((line) => line.startsWith(`| \`${type}\` |`))
    expect([type, row]).toEqual([type, expect.stringContaining(delivery)])
  }
})

test("every action is on the page with how far it reaches, and no other", () => {
  const table = page.slice(page.indexOf("| Action |"))
  const rows = table.slice(0, table.indexOf("\n\n")).split("\n").slice(2)
  const said = rows.map((row) => row.match(/^\| `([^`]+)` \| (.+) \|$/)?.slice(1))
  expect(said).toEqual(Object.entries(ACTIONS).map(([type, { within }]) => [type, within.join(", ")]))
})

test("every tool, option and status of the contract is on the page", () => {
  const tools = contract.slice(
    contract.indexOf("export interface Tools"),
    contract.indexOf("export type LogLevel"),
  )
  for (const [, name] of tools.matchAll(/^ {2}(\w+)[(:]/gm)) expect(page).toContain(`\`${name}`)
  const statuses = contract.slice(
    contract.indexOf("export type ActionStatus"),
    contract.indexOf("/** What became"),
  )
  for (const [, status] of statuses.matchAll(/\| "(\w+)"/g)) expect(page).toContain(`\`${status}\``)
  for (const code of LOAD_FAILURES) expect(page).toContain(`\`${code}\``)
})
