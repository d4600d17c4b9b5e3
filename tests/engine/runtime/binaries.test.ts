// The four real binaries under the supervisor: the handshake, the methods, the quirks, a survivor.

import { describe, expect, test } from "bun:test"
import { join } from "node:path"
import { BINARIES } from "../../support/raw-codex.ts"
import { openRuntime } from "./support.ts"

/** Methods and quirks as codex-app-server.md §3 has them. */
const EXPECTED: Record<
  string,
  { methods: number; rollback: boolean; deletesThreads: boolean; listsTurns: boolean }
> = {
  "0.105.0": { methods: 69, rollback: true, deletesThreads: false, listsTurns: false },
  "0.130.0": { methods: 102, rollback: true, deletesThreads: false, listsTurns: true },
  "0.150.1": { methods: 156, rollback: true, deletesThreads: true, listsTurns: true },
  "0.169.0": { methods: 187, rollback: false, deletesThreads: true, listsTurns: true },
}

/** Cells of docs/compatibility.md that aren't so, of this binary. */
async function differing(version: string, { has, quirks }: { has(m: string): unknown; quirks(): object }) {
  const page = await Bun.file(join(import.meta.dir, "../../../docs/compatibility.md")).text()
  const column = Object.keys(EXPECTED).indexOf(version) + 2
  const own = quirks() as Record<string, boolean>
  const rows = page.split("\n").flatMap((line) => {
    const [first = "", ...cells] = line
      .split("|")
      .slice(1)
      .map((cell) => cell.trim())
    const name = /^`([^`]+)`$/.exec(first)?.[1]
    return name === undefined ? [] : [{ name, cells, told: cells[column - 1] }]
  })
  expect(rows.filter(({ name }) => Object.hasOwn(own, name)).length).toBe(Object.keys(own).length)
  return rows.filter(({ name, cells, told }) => {
    if (Object.hasOwn(own, name)) return told !== (own[name] ? "yes" : "no")
    const method = cells[0]?.replaceAll("`", "") ?? ""
    return told !== (has(method) ? "yes" : "501")
  })
}

describe("the real binaries", () => {
  for (const [version, binary] of Object.entries(BINARIES)) {
    test(`${version} comes up, tells its methods, and goes`, async () => {
      await using rt = openRuntime({
        program: async () => ({ command: [binary, "app-server"], key: version }),
      })
      rt.supervisor.start()
      const state = await rt.inState("ready")
      const { methods, ...quirks } = EXPECTED[version] ?? { methods: 0 }
      expect(state).toMatchObject({ version, fallbacks: [], methods: { known: true } })
      expect(state.methods.count).toBe(methods)
      expect(rt.supervisor.quirks()).toMatchObject({ ...quirks, stableOnly: false })
      expect(await differing(version, rt.supervisor)).toEqual([])
      await rt.openThread("on-request")
      await rt.supervisor.stop()
      expect(rt.exits).toMatchObject([{ expected: true }])
    }, 60_000)
  }
})
