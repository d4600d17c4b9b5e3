// `codexd serve` as a process: what it says at its start, how it ends, and what it says when it can't start.

import { expect, test } from "bun:test"
import { existsSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { type Form, runProgram, startProgram, testFolder } from "../../support/program.ts"

const FORMS: Form[] = ["source", "compiled", "node"]
const codex = join(import.meta.dir, "../../../node_modules/.bin/codex")
const LISTENING = /"message":"codexd is listening","url":"(http:\/\/127\.0\.0\.1:(\d+))"/

test.each(FORMS)(
  "%s: starts offline, answers with the token, names itself to a second one, drains on SIGTERM",
  async (form) => {
    using folder = testFolder("serve")
    const cwd = folder.path
    const env = { CODEX_BIN: codex }
    const args = ["serve", "--offline", "--port", "0"]
    await using daemon = await startProgram({ form, args, cwd, env })
    const [, url = "", port = ""] = await daemon.err.until(LISTENING)

    const tokenFile = join(cwd, ".data/api-token")
    expect(statSync(tokenFile).mode & 0o777).toBe(0o600)
    const token = readFileSync(tokenFile, "utf8").trim()
    const printed = await runProgram({ form, args: ["token"], cwd })
    expect(printed).toEqual({ code: 0, out: `${token}\n`, err: "" })
    const authorization = `Bearer ${token}`
    expect((await fetch(`${url}/api/sessions`)).status).toBe(401)
    const listed = await fetch(`${url}/api`, { headers: { authorization } })
    expect(listed.status).toBe(200)

    const same = await runProgram({ form, args, cwd, env })
    expect(same.code).toBe(1)
    expect(same.err).toContain(`is in use by process ${daemon.pid}`)
    const elsewhere = ["--data-dir", join(cwd, "other"), "--port", port]
    const taken = await runProgram({ form, args: elsewhere, cwd, env })
    expect(taken.code).toBe(1)
    expect(taken.err).toContain(`port ${port} on 127.0.0.1 is taken by another program`)

    daemon.signal("SIGTERM")
    const { code, out, err } = await daemon.ended()
    expect({ code, out }).toEqual({ code: 0, out: "" })
    expect(err).not.toContain(token)
    for (const line of err.trim().split("\n")) expect(JSON.parse(line)).toHaveProperty("level")
    expect(existsSync(join(cwd, ".data/codex-home/config.toml"))).toBe(true)
  },
)

test("doctor on the folder of a running daemon and after it", async () => {
  using folder = testFolder("doctor")
  const cwd = folder.path
  const env = { CODEX_BIN: codex }
  const look = async () => {
    const { code, out } = await runProgram({ form: "source", args: ["doctor", "--json"], cwd, env })
    const { findings } = JSON.parse(out)
    return { code, said: findings.map((f: { text: string }) => f.text).join("\n") }
  }
  await using daemon = await startProgram({ form: "source", args: ["--offline", "--port", "0"], cwd, env })
  await daemon.err.until(LISTENING)
  expect((await look()).said).toContain(`runs as process ${daemon.pid}`)
  daemon.signal("SIGINT")
  expect((await daemon.ended()).code).toBe(0)
  const { said } = await look()
  expect(said).toMatch(/0\.169\.0 with \d{2,} methods/)
  expect(said).toContain("none is running in this data folder")
  expect(said).toContain("sound")
  expect(said).toContain("nothing was left behind")
})
