// What is left of the daemon's own work: lines to and from Codex with direction and time, actions of extensions in the audit,
// and a dashboard that names only meters that there are.

import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { createManualClock } from "../../src/base/kit/manual-clock.ts"
import { createLogger, createMasks } from "../../src/base/observe/logger.ts"
import type { Child } from "../../src/base/platform/port.ts"
import type { AskedAction } from "../../src/flow/actions/perform.ts"
import { audited } from "../../src/flow/kept/audited.ts"
import { readGauges } from "../../src/flow/kept/gauges.ts"
import { createMeasures } from "../../src/flow/kept/measures.ts"
import { tapped } from "../../src/flow/kept/wire-log.ts"

function wire() {
  const clock = createManualClock()
  const lines: string[] = []
  const masks = createMasks()
  const logger = createLogger({ clock, level: "info", write: (line) => void lines.push(line), mask: masks })
  const { promise: exited } = Promise.withResolvers<never>()
  const written: string[] = []
  const chunks: Uint8Array[] = []
  async function* stdout() {
    yield* chunks
  }
  const child: Child = {
    pid: 7,
    stdout: stdout(),
    stderr: stdout(),
    write: async (text) => void written.push(text),
    end: () => {},
    signal: () => {},
    exited,
  }
  const tap = tapped(() => child, { clock, logger })({ command: [], cwd: "/", env: {} })
  const said = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  return { tap, clock, masks, said, chunks, written, lines }
}

test("each line is told with its direction, an answer with what it answers and how long that took", async () => {
  const { tap, clock, said, chunks, written } = wire()
  const ask = '{"id":1,"method":"turn/start","params":{}}\n'
  await tap.write(ask)
  clock.turn(12)
  // Cut anywhere, and passed on as it came.
  const text = '{"id":1,"result":{"ok":true}}\n{"id":1,"method":"item/approve","params":{}}\nnot json\n'
  chunks.push(
    ...[text.slice(0, 9), text.slice(9, 40), text.slice(40)].map((part) => new TextEncoder().encode(part)),
  )
  const passed: Uint8Array[] = []
  for await (const chunk of tap.stdout) passed.push(chunk)
  clock.turn(3)
  await tap.write('{"id":1,"result":{"decision":"accept"}}\n')
  expect(passed).toEqual(chunks)
  expect(written).toEqual([ask, '{"id":1,"result":{"decision":"accept"}}\n'])
  expect(said()).toMatchObject([
    { message: "wire", direction: "to codex", line: { method: "turn/start" } },
    { direction: "from codex", answers: "turn/start", ms: 12, line: { result: { ok: true } } },
    { direction: "from codex", line: { method: "item/approve" } },
    { direction: "from codex", line: "not json" },
    { direction: "to codex", answers: "item/approve", ms: 3 },
  ])
})

test("secrets are masked by name and by value, and of a long line only its size is told", async () => {
  const { tap, masks, lines, said } = wire()
  masks.add("hunter2-hunter2")
  await tap.write(
    '{"id":1,"method":"account/login/start","params":{"apiKey":"sk-aaaa","note":"x hunter2-hunter2"}}\n',
  )
  await tap.write(`{"id":2,"method":"turn/start","params":{"text":"${"long ".repeat(10_000)}"}}\n`)
  expect(lines.join("")).not.toMatch(/sk-aaaa|hunter2/)
  expect(said()[1]).toMatchObject({ id: 2, method: "turn/start", length: expect.any(Number) })
  expect(lines[1]?.length).toBeLessThan(500)
})

test("an action is in the audit with who, what, where and its outcome; a full disk takes nothing from it", async () => {
  const clock = createManualClock()
  const logger = createLogger({ clock, level: "silent", write: () => {}, mask: createMasks() })
  const entries: unknown[] = []
  let failures = 0
  let full = false
  const trail = {
    record: async (entry: unknown) => {
      if (full) throw new Error("full")
      entries.push(entry)
    },
  }
  const outcome = { actionType: "turn.steer.create", status: "performed" } as const
  const perform = audited(async () => outcome, { clock, logger, trail, auditFailed: () => void failures++ })
  const asked = {
    type: "turn.steer.create",
    payload: { text: "hush" },
    scope: { sessionId: "s", turnId: "t" },
    actor: { kind: "extension", name: "helper" },
    capabilities: undefined,
  } as unknown as AskedAction
  expect(await perform(asked)).toEqual(outcome)
  expect(entries).toMatchObject([
    {
      who: "extension:helper",
      method: "ACTION",
      route: "turn.steer.create",
      session: "s",
      result: "performed",
    },
  ])
  expect(JSON.stringify(entries)).not.toContain("hush")
  full = true
  expect(await perform(asked)).toEqual(outcome)
  expect(failures).toBe(1)
})

const measures = createMeasures()
// Nothing is read: the names are told without.
readGauges({ meters: measures.meters, config: {}, places: {}, clock: createManualClock(), pid: 1 } as never)
const names = new Map(measures.meters.all().map(({ name, type }) => [name, type]))

/** Of every query of the dashboard, and of the page. */
const METER = /\bcodexd_[a-z0-9_]+/g
const base = (name: string) => {
  const cut = name.replace(/_(bucket|sum|count)$/, "")
  return names.get(cut) === "histogram" ? cut : name
}

test("the dashboard and the page name meters that there are, and the page names all", () => {
  const folder = join(import.meta.dir, "../../docs")
  const dashboard = readFileSync(join(folder, "ops/grafana.json"), "utf8")
  const { panels } = JSON.parse(dashboard) as { panels: { title: string; targets?: { expr: string }[] }[] }
  expect(panels.length).toBeGreaterThan(10)
  const page = readFileSync(join(folder, "operations.md"), "utf8")
  for (const text of [dashboard, page])
    for (const [name] of text.matchAll(METER)) expect([...names.keys()]).toContain(base(name))
  for (const [name, type] of names) {
    expect(page).toContain(`\`${name}\``)
    expect([name, type === "counter"]).toEqual([name, name.endsWith("_total")])
  }
})
