// Every extension that comes with codexd is as the contract says, on both runtimes, and is inside the compiled binary.

import { expect, test } from "bun:test"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { CARRIED } from "../../src/carried.ts"
import { COMMANDS, ROOT } from "../support/daemon.ts"

const NET_MS = 60_000
const folder = join(ROOT, "extensions")
const OURS = readdirSync(folder, { withFileTypes: true }).flatMap((one) =>
  one.isDirectory() ? [one.name] : [],
)

test("the binary carries each of them", () => {
  expect(Object.keys(CARRIED).toSorted()).toEqual(OURS.toSorted())
})

test.each(OURS)(
  "%s passes the conformance kit",
  async (name) => {
    const command = [...COMMANDS.bun, "extensions", "check", join(folder, name), "--json"]
    const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe" })
    const [said, code] = await Promise.all([new Response(child.stdout).text(), child.exited])
    const report = JSON.parse(said) as { ok: boolean; runtimes: { runtime: string; status: string }[] }
    expect([code, report.ok, report.runtimes.map(({ runtime, status }) => [runtime, status])], said).toEqual([
      0,
      true,
      [
        ["bun", "checked"],
        ["node", "checked"],
      ],
    ])
  },
  NET_MS,
)
