// kill -9 at random moments, on Bun and on Node: what was acknowledged is there, and no number comes twice.

import { afterAll, expect, test } from "bun:test"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { LoggedEvent } from "../../../src/base/events/event.ts"
import { decodeBody } from "../../../src/base/events/rows/body.ts"
import { openBunDriver } from "../../../src/base/storage/bun-driver.ts"

const root = join(import.meta.dir, "../../..")
const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

const runtimes = {
  Bun: [join(root, "node_modules/.bin/bun"), "--no-env-file"],
  Node: [join(root, "node_modules/.bin/node")],
}

/** Runs the child until it has said `lines` lines, kills it, and gives every whole line that it said. */
async function runAndKill(runtime: keyof typeof runtimes, folder: string, lines: number): Promise<string[]> {
  const [program = "", ...flags] = runtimes[runtime]
  const child = spawn(program, [...flags, join(import.meta.dir, "kill-child.ts"), folder], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  let text = ""
  let seen = 0
  child.stdout.setEncoding("utf8")
  child.stdout.on("data", (chunk: string) => {
    text += chunk
    seen += chunk.split("\n").length - 1
    if (seen >= lines) child.kill("SIGKILL")
  })
  await new Promise((resolve) => child.on("close", resolve))
  return text.split("\n").slice(0, -1)
}

function storedIn(folder: string): Map<number, LoggedEvent> {
  const driver = openBunDriver(join(folder, "a.db"))
  try {
    expect(driver.prepare("PRAGMA integrity_check").get()?.integrity_check).toBe("ok")
    const rows = driver.prepare("SELECT first, at, thread, scope, body FROM log_rows").all()
    const events = rows.flatMap((row) =>
      decodeBody(row as unknown as Parameters<typeof decodeBody>[0], String(row.body)),
    )
    return new Map(events.map((event) => [event.n, event]))
  } finally {
    driver.close()
  }
}

test("kill -9 loses nothing that was acknowledged and no number is used again, on Bun and on Node in turn", async () => {
  const folder = mkdtempSync(join(tmpdir(), "codexd-kill-"))
  folders.push(folder)
  const numbers: number[] = []
  const acknowledged = new Map<number, string>()
  for (const runtime of ["Bun", "Node", "Bun", "Node"] as const) {
    const said = await runAndKill(runtime, folder, 50 + Math.floor(Math.random() * 2000))
    expect(said.length).toBeGreaterThan(0)
    for (const line of said) {
      const [kind, n, ...body] = line.split(" ")
      numbers.push(Number(n))
      if (kind === "stored") acknowledged.set(Number(n), body.join(" "))
    }
    const stored = storedIn(folder)
    const lost = [...acknowledged].filter(([n, body]) => stored.get(n)?.body !== body)
    expect(lost).toEqual([])
    // What was stored and not yet said counts as used too.
    const last = numbers.at(-1) ?? 0
    // By number: a row holds all of a tick that is one thread's, others lie between.
    numbers.push(...[...stored.keys()].filter((n) => n > last).sort((a, b) => a - b))
  }
  expect(new Set(numbers).size).toBe(numbers.length)
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
}, 60_000)
