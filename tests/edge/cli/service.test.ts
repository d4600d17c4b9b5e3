// The service of a user: what its files say, which commands the managers are given, and that a failure is theirs in our words.

import { expect, test } from "bun:test"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { systemClock } from "../../../src/base/kit/clock.ts"
import { readText } from "../../../src/base/platform/files.ts"
import * as folders from "../../../src/base/platform/folders.ts"
import { runToEnd } from "../../../src/base/platform/run.ts"
import { runCli } from "../../../src/edge/cli/cli.ts"
import type { CliNeeds } from "../../../src/edge/cli/needs.ts"
import { testFolder } from "../../support/program.ts"

interface Given {
  os?: string
  program?: string[]
  env?: Record<string, string>
  answer?(command: string[]): { code: number; out: string; err: string }
}

async function service(
  home: string,
  argv: string[],
  { os = "linux", program, env = {}, answer }: Given = {},
) {
  const ran: string[] = []
  const said = { out: "", err: "" }
  const out = (stream: "out" | "err") => ({
    isTTY: false,
    write(text: string) {
      said[stream] += text
    },
  })
  const needs = {
    argv: ["service", ...argv],
    env: { HOME: home, PATH: "/usr/bin:/bin", ...env },
    cwd: home,
    programDir: "/opt/codexd",
    version: "1.2.3",
    clock: systemClock,
    out: out("out"),
    err: out("err"),
    service: {
      os,
      program: program ?? ["/opt/codexd/codexd"],
      run: async (command: string[]) => {
        ran.push(command.join(" "))
        return answer?.(command) ?? { code: 0, out: command[0] === "id" ? "501\n" : "", err: "" }
      },
    },
    files: { ...folders, readText },
  } as unknown as CliNeeds
  return { code: await runCli(needs), ran, ...said }
}
const UNIT = ".config/systemd/user/codexd.service"
const PLIST = "Library/LaunchAgents/dev.codexd.codexd.plist"

test("install writes a unit that restarts on failure, drains, and keeps its data in the state folder", async () => {
  using folder = testFolder("service")
  const { code, ran, out } = await service(folder.path, ["install", "--port", "4000"])
  expect(code).toBe(0)
  const unit = readFileSync(join(folder.path, UNIT), "utf8")
  const dataDir = join(folder.path, ".local/state/codexd")
  expect(unit).toContain(`ExecStart="/opt/codexd/codexd" "serve" "--data-dir" "${dataDir}" "--port" "4000"\n`)
  expect(unit).toContain('Environment="PATH=/usr/bin:/bin"\n')
  for (const line of ["Restart=on-failure", "KillMode=mixed", "TimeoutStopSec=25", "OOMPolicy=continue"])
    expect(unit.split("\n")).toContain(line)
  expect(ran).toEqual([
    "systemctl --user daemon-reload",
    "systemctl --user enable codexd.service",
    "systemctl --user restart codexd.service",
  ])
  expect(out).toContain(dataDir)
  expect(out).toContain("enable-linger")
})

test("nothing in the unit takes namespaces or privileges from sessions, or puts a mask on their files", async () => {
  using folder = testFolder("service")
  await service(folder.path, ["install"])
  const unit = readFileSync(join(folder.path, UNIT), "utf8")
  expect(unit).not.toMatch(
    /^(NoNewPrivileges|Protect|Private|Restrict\w*s=|SystemCall|MemoryDeny|LockPers|UMask)/m,
  )
})

test("systemd itself takes the unit, whatever is in its paths", async () => {
  using folder = testFolder("service")
  const home = join(folder.path, 'a "odd" 100% $HOME \\ home')
  mkdirSync(home)
  // A program that is there: systemd looks for it.
  await service(home, ["install"], { program: ["/bin/true"], env: { CODEX_HOME: "/x/50% $y" } })
  const unit = readFileSync(join(home, UNIT), "utf8")
  expect(unit).toContain("100%% $$HOME \\\\ home")
  expect(unit).toContain('Environment="CODEX_HOME=/x/50%% $y"')
  const verified = await runToEnd([
    "env",
    `XDG_RUNTIME_DIR=${folder.path}`,
    "systemd-analyze",
    "--user",
    "verify",
    join(home, UNIT),
  ])
  // 127: this machine has no systemd, and the text above is all that can be said.
  if (verified.code !== 127) expect(verified).toEqual({ code: 0, out: "", err: "" })
})

test("on macOS it is an agent of launchd", async () => {
  using folder = testFolder("service")
  writeFileSync(join(folder.path, "my & env"), "PORT=4000\n")
  const { code, ran } = await service(folder.path, ["install", "--env-file", "my & env"], { os: "darwin" })
  expect(code).toBe(0)
  const plist = readFileSync(join(folder.path, PLIST), "utf8")
  expect(plist).toContain(`<string>${folder.path}/Library/Application Support/codexd</string>`)
  expect(plist).toContain(`<string>${folder.path}/my &amp; env</string>`)
  expect(plist).toMatch(/<key>SuccessfulExit<\/key>\s*<false\/>/)
  expect(plist).toMatch(/<key>ExitTimeOut<\/key>\s*<integer>25<\/integer>/)
  expect(ran.at(-1)).toBe(`launchctl bootstrap gui/501 ${join(folder.path, PLIST)}`)
  const gone = await service(folder.path, ["uninstall"], { os: "darwin" })
  expect(gone.ran).toContain("launchctl bootout gui/501/dev.codexd.codexd")
  expect(existsSync(join(folder.path, PLIST))).toBe(false)
})

test("uninstall leaves the data; without a service it says so and is done", async () => {
  using folder = testFolder("service")
  expect((await service(folder.path, ["uninstall"])).out).toContain("nothing to remove")
  await service(folder.path, ["install"])
  const kept = join(folder.path, ".local/state/codexd/kept")
  writeFileSync(kept, "")
  const { code, ran } = await service(folder.path, ["uninstall"])
  expect([code, ran]).toEqual([
    0,
    ["systemctl --user disable --now codexd.service", "systemctl --user daemon-reload"],
  ])
  expect([existsSync(join(folder.path, UNIT)), existsSync(kept)]).toEqual([false, true])
})

test("status and logs hand on what the manager says, with its exit code", async () => {
  using folder = testFolder("service")
  const answer = () => ({ code: 3, out: "inactive (dead)\n", err: "" })
  const status = await service(folder.path, ["status"], { answer })
  expect([status.code, status.out]).toEqual([3, "inactive (dead)\n"])
  expect(status.ran).toEqual(["systemctl --user status --no-pager codexd.service"])
  const logs = await service(folder.path, ["logs", "-n", "50"])
  expect(logs.ran).toEqual(["journalctl --user --no-pager -o cat -n 50 -u codexd.service"])
  expect((await service(folder.path, ["logs", "-n", "-1"])).code).toBe(1)
})

test("a manager that fails or isn't there, and a system without one, are said", async () => {
  using folder = testFolder("service")
  const answer = () => ({ code: 1, out: "", err: "Unit is masked\n" })
  const failed = await service(folder.path, ["install"], { answer })
  expect([failed.code, failed.err]).toEqual([
    1,
    "codexd: `systemctl --user daemon-reload` failed: Unit is masked\n",
  ])
  expect((await service(folder.path, ["install"], { os: "win32" })).err).toContain("not on win32")
  expect(await runToEnd(["/no/such/program"])).toMatchObject({ code: 127 })
})

test("a manager that can't be reached gets no file, an older one stays as it was, and the person hears what to do", async () => {
  using folder = testFolder("service")
  const file = join(folder.path, UNIT)
  const noBus = () => ({ code: 1, out: "", err: "Failed to connect to bus: No medium found\n" })
  const failed = await service(folder.path, ["install"], { answer: noBus })
  expect([failed.code, existsSync(file)]).toEqual([1, false])
  expect(failed.err).toContain(
    "`systemctl --user daemon-reload` failed: Failed to connect to bus: No medium found",
  )
  for (const words of ["Nothing is changed", "loginctl enable-linger", "XDG_RUNTIME_DIR", "codexd serve"])
    expect(failed.err).toContain(words)

  await service(folder.path, ["install", "--port", "4000"])
  const before = readFileSync(file, "utf8")
  const noEnable = (command: string[]) =>
    command.includes("enable") ? { code: 1, out: "", err: "no\n" } : { code: 0, out: "", err: "" }
  const again = await service(folder.path, ["install", "--port", "5000"], { answer: noEnable })
  expect([again.code, readFileSync(file, "utf8")]).toEqual([1, before])
  expect(again.ran.at(-1)).toBe("systemctl --user daemon-reload")
  // Without a manager nobody knows whether it runs: the file stays for an uninstall that can stop it.
  const kept = await service(folder.path, ["uninstall"], { answer: noBus })
  expect([kept.code, existsSync(file)]).toEqual([1, true])
  expect(kept.err).toContain("loginctl enable-linger")
})

test("a service that is made and doesn't start stays made, and that is said", async () => {
  using folder = testFolder("service")
  const answer = (command: string[]) =>
    command.includes("restart") ? { code: 1, out: "", err: "Job failed\n" } : { code: 0, out: "", err: "" }
  const { code, err } = await service(folder.path, ["install"], { answer })
  expect([code, existsSync(join(folder.path, UNIT))]).toEqual([1, true])
  for (const words of ["Job failed", "next login", "codexd service logs", "codexd service uninstall"])
    expect(err).toContain(words)
})

test("on macOS, too, an agent that launchd doesn't take leaves no file", async () => {
  using folder = testFolder("service")
  const answer = (command: string[]) =>
    command.includes("bootstrap")
      ? { code: 125, out: "", err: "Domain does not support specified action\n" }
      : { code: 0, out: command[0] === "id" ? "501\n" : "", err: "" }
  const { code } = await service(folder.path, ["install"], { os: "darwin", answer })
  expect([code, existsSync(join(folder.path, PLIST))]).toEqual([1, false])
})
