// The demo is the main job from start to end: it must work in every form that a user can start, and leave nothing behind.

import { expect, test } from "bun:test"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { type Form, runProgram, testFolder } from "../../support/program.ts"

const FORMS: Form[] = ["source", "compiled", "node"]
const codex = join(import.meta.dir, "../../../node_modules/.bin/codex")

test.each(FORMS)(
  "%s: a turn with an approval is seen live, replayed, and nothing stays behind",
  async (form) => {
    using folder = testFolder("demo")
    const cache = join(folder.path, "cache")
    // Settings of the user's own daemon are no business of the demo.
    const env = {
      XDG_CACHE_HOME: cache,
      CODEX_BIN: codex,
      PORT: "nonsense",
      API_AUTH: "none",
      HOST: "0.0.0.0",
    }
    const { code, out, err } = await runProgram({ form, args: ["demo"], cwd: folder.path, env })
    expect({ code, err }).toEqual({ code: 0, err: "" })
    const story = [
      "The daemon is up at http://127.0.0.1:",
      "health ok: codex app-server 0.169.0",
      "the stream is ready (resume: ok",
      "turn started",
      "approval is asked for: ",
      "approval resolved: accept",
      "command completed, exit code 0: hello from codexd",
      "turn completed",
      "userMessage          run: echo hello",
      "commandExecution",
      "frames came again, byte for byte",
      "What to do next",
    ]
    let at = 0
    for (const line of story) {
      const next = out.indexOf(line, at)
      expect(next, `${JSON.stringify(line)} after ${at} of:\n${out}`).toBeGreaterThanOrEqual(at)
      at = next
    }
    expect(readdirSync(join(cache, "codexd"))).toEqual([])
  },
)

test("without a codex the demo says how to get one", async () => {
  using folder = testFolder("demo")
  const env = { XDG_CACHE_HOME: folder.path, CODEX_BIN: join(folder.path, "no-such-codex") }
  const { code, err } = await runProgram({ form: "source", args: ["demo"], cwd: folder.path, env })
  expect(code).toBe(1)
  expect(err).toContain("The demo failed: Codex does not start: ")
  expect(err).toContain("CODEX_BIN")
})
