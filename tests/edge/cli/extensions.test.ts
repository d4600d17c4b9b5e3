// `codexd extensions`, as an author meets it: a new one is good, its own test passes against the scripted model, and what is
// wrong with one is said.

import { expect, test } from "bun:test"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { codexBin } from "../../support/daemon.ts"
import { commandOf, runProgram, startProgram, testFolder } from "../../support/program.ts"

const NET_MS = 90_000
const codexd = (cwd: string, ...args: string[]) =>
  runProgram({ form: "source", cwd, args: ["extensions", ...args] })

interface Report {
  ok: boolean
  runtimes: { runtime: string; status: string; checks: { name: string; ok: boolean; problems: string[] }[] }[]
}
const problemsOf = (report: Report): string[] =>
  report.runtimes.flatMap(({ checks }) =>
    checks.flatMap(({ name, problems }) => problems.map((p) => `${name}: ${p}`)),
  )

test(
  "a new extension is as the contract says on both runtimes, and its own test passes",
  async () => {
    using folder = testFolder("extensions")
    expect((await codexd(folder.path, "new", "Not A Name")).code).toBe(1)
    expect((await codexd(folder.path, "new", "greeter")).code).toBe(0)
    expect((await codexd(folder.path, "new", "greeter")).err).toContain("is there already")
    const { code, out } = await codexd(folder.path, "check", "greeter", "--json")
    const report = JSON.parse(out) as Report
    expect(problemsOf(report)).toEqual([])
    expect(report.runtimes.map(({ runtime, status }) => `${runtime} ${status}`)).toEqual([
      "bun checked",
      "node checked",
    ])
    expect(report.runtimes[0]?.checks.map(({ name }) => name)).toEqual([
      "manifest",
      "load",
      "dispatch",
      "limits",
      "reload",
    ])
    expect(code).toBe(0)
    const own = Bun.spawn([process.execPath, "test", "./greeter/events.test.mjs", "--timeout=60000"], {
      cwd: folder.path,
      env: {
        PATH: process.env.PATH ?? "",
        HOME: folder.path,
        CODEX_BIN: codexBin("0.169.0"),
        CODEXD: (await commandOf("source")).join(" "),
      },
      stdout: "pipe",
      stderr: "pipe",
    })
    const said = await new Response(own.stderr).text()
    expect([await own.exited, said]).toEqual([0, expect.stringContaining("1 pass")])
  },
  NET_MS,
)

test(
  "what is wrong is said by name, and the exit code is 1",
  async () => {
    using folder = testFolder("extensions")
    const write = (name: string, events: string, manifest: object | undefined = undefined) => {
      mkdirSync(join(folder.path, name))
      writeFileSync(join(folder.path, name, "events.js"), events)
      if (manifest)
        writeFileSync(join(folder.path, name, "extension.manifest.json"), JSON.stringify(manifest))
    }
    write("nameless", "export function registerAgentEvents() {}", { name: "x" })
    write(
      "hangs",
      `export function registerAgentEvents(r) {
      r.on("turn.completed", () => { for (;;); }, { timeoutMs: 50 })
      r.on("app_server.turn.started", () => ({ kind: "action_request", actionType: "no.such", payload: {} }))
    }`,
    )
    const report = async (name: string) => {
      const { code, out } = await codexd(folder.path, "check", name, "--json")
      expect(code).toBe(1)
      return problemsOf(JSON.parse(out) as Report).join("\n")
    }
    expect(await report("nameless")).toMatch(/nameless\/extension.manifest.json: version is missing/)
    const hangs = await report("hangs")
    expect(hangs).toMatch(/dispatch: turn.completed: the handler took longer than 50 ms/)
    expect(hangs).toMatch(/dispatch: app_server.turn.started: no.such is no valid action/)
    expect(hangs).toMatch(/limits: 1 handlers took longer/)
    expect(await report("nothing-here")).toMatch(/there is no folder/)
  },
  NET_MS,
)

test(
  "dev loads a file anew when it is saved, and says what is wrong with it while the last good one goes on",
  async () => {
    using folder = testFolder("extensions")
    await codexd(folder.path, "new", "greeter")
    const args = ["extensions", "dev", "greeter", "--port", "0", "--data-dir", "data"]
    const env = { API_AUTH: "none", CODEX_BIN: "/nonexistent/codex" }
    await using daemon = await startProgram({ form: "source", cwd: folder.path, args, env })
    const [, url] = await daemon.err.until(/"codexd is listening","url":"([^"]+)"/)
    await daemon.err.until(/"extensions are loaded"/)
    const file = join(folder.path, "greeter/events.ts")
    const good = readFileSync(file, "utf8")
    writeFileSync(file, "export const = 1")
    await daemon.err.until(/not reloaded, the last good one goes on:\n {2}greeter: import_failed: /)
    const inventory = (await (await fetch(`${url}/api/agents/extensions`)).json()) as {
      modules: { moduleName: string }[]
    }
    expect(inventory.modules.map(({ moduleName }) => moduleName)).toContain("greeter")
    writeFileSync(file, good.replace("app_server.turn.completed", "app_server.turn.started"))
    await daemon.err.until(/reloaded in \d+ ms: .*greeter \(app_server.turn.started\)/)
    const audit = JSON.parse(readFileSync(join(folder.path, "data/agent-extension-audit.json"), "utf8"))
    expect(audit.records[0]).toMatchObject({
      actorRole: "owner",
      actorId: "codexd extensions dev",
      result: "failed",
    })
  },
  NET_MS,
)
