// The four real binaries under the supervisor: the handshake, the methods, the quirks, a survivor.

import { describe, expect, test } from "bun:test"
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
      await rt.openThread("on-request")
      await rt.supervisor.stop()
      expect(rt.exits).toMatchObject([{ expected: true }])
    }, 60_000)
  }
})
