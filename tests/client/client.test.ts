// The client that the package exports, as its users run it: Bun and Node on the source, both on the bundle for browsers,
// against one daemon with a token.

import { afterAll, beforeAll, expect, test } from "bun:test"
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { buildClient } from "../../scripts/build.ts"
import { COMMANDS, codexBin, type Daemon, openPlace, ROOT, within } from "../support/daemon.ts"

const NET_MS = 120_000
const place = openPlace("client")
const bundle = join(place.path, "client.js")
const source = join(ROOT, "src/client/client.ts")
let daemon: Daemon
let token = ""

beforeAll(async () => {
  const spec = { command: COMMANDS.bun, codexBin: codexBin("0.169.0"), env: { API_AUTH: "token" } }
  daemon = await place.start(spec)
  token = readFileSync(join(place.dataDir, "api-token"), "utf8").trim()
  await buildClient(bundle)
}, NET_MS)
afterAll(() => place[Symbol.asyncDispose](), NET_MS)

test("the bundle for browsers needs nothing of Bun or Node, and nothing of the daemon", () => {
  const text = readFileSync(bundle, "utf8")
  expect(text).not.toMatch(/\bfrom\s*["']|\bimport\s*\(|\brequire\s*\(|["']node:|\bBun\.|\bprocess\./)
  expect(text).not.toMatch(/SELECT|codexd is listening/)
  expect(text.length).toBeLessThan(40_000)
})

test.each([
  ["Bun on the source", COMMANDS.bun.slice(0, 3), source],
  ["Node on the source", COMMANDS.node.slice(0, 2), source],
  ["Bun on the bundle", COMMANDS.bun.slice(0, 3), bundle],
  ["Node on the bundle", COMMANDS.node.slice(0, 2), bundle],
])(
  "%s: typed calls, both transports, a resume over a cut, a gap, a refusal",
  async (_, command, file) => {
    const [program = "", ...flags] = command
    const args = [
      ...flags,
      join(ROOT, "tests/client/program.ts"),
      file,
      String(daemon.port),
      token,
      daemon.work,
    ]
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] })
    let said = ""
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        said += text
      })
    try {
      const code = await within(new Promise((resolve) => child.once("close", resolve)), () => said)
      expect([code, said]).toEqual([0, "done\n"])
    } finally {
      child.kill("SIGKILL")
    }
  },
  NET_MS,
)
