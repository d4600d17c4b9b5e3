// The words of the command line and what each answers, with a house that is a double.

import { expect, test } from "bun:test"
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { systemClock } from "../../../src/base/kit/clock.ts"
import { createManualClock } from "../../../src/base/kit/manual-clock.ts"
import { createBunPlatform } from "../../../src/base/platform/bun.ts"
import { readText } from "../../../src/base/platform/files.ts"
import * as folders from "../../../src/base/platform/folders.ts"
import { watchFolder } from "../../../src/base/platform/watch.ts"
import { runCli } from "../../../src/edge/cli/cli.ts"
import type { CliNeeds, HouseNeeds, StopSignal } from "../../../src/edge/cli/needs.ts"
import { createScriptedModel } from "../../../src/engine/model/model.ts"
import { createKeeping } from "../../../src/keeping.ts"
import { testFolder } from "../../support/program.ts"

interface Stage {
  needs: CliNeeds
  said: { out: string; err: string }
  houses: HouseNeeds[]
  closed: string[]
  send(signal: StopSignal): void
  opened: Promise<void>
}

function stage(argv: string[], change: Partial<CliNeeds> = {}): Stage {
  const said = { out: "", err: "" }
  const houses: HouseNeeds[] = []
  const closed: string[] = []
  const ears = new Set<(signal: StopSignal) => void>()
  const { promise: opened, resolve } = Promise.withResolvers<void>()
  const hear = (stream: "out" | "err") => ({
    isTTY: false,
    write(text: string) {
      said[stream] += text
    },
  })
  const needs: CliNeeds = {
    argv,
    env: {},
    cwd: "/nowhere",
    programDir: "/nowhere",
    version: "1.2.3",
    platform: createBunPlatform(),
    clock: systemClock,
    out: hear("out"),
    err: hear("err"),
    onSignal(hear) {
      ears.add(hear)
      return { [Symbol.dispose]: () => void ears.delete(hear) }
    },
    async openHouse(house) {
      houses.push(house)
      resolve()
      const close = async (reason: string) => void closed.push(reason)
      const reloadExtensions = async () => ({ result: "busy", reloadId: "r", before: "b" }) as const
      return {
        urls: ["http://127.0.0.1:1"],
        close,
        reloadExtensions,
        loginLink: () => "http://127.0.0.1:1/login#code",
        [Symbol.asyncDispose]: () => close("disposed"),
      }
    },
    callOver: async () => ({ status: 200, text: '{"code":"c0de","url":"http://127.0.0.1:1/login"}' }),
    scriptedModel: async (clock) => createScriptedModel({ clock }),
    connect: (url) => new WebSocket(url),
    authors: { check: async (path) => ({ path, ok: true, runtimes: [] }) },
    inspection: {
      binary: async () => ({ path: "/bin/codex", version: "0.1.0", methods: 9 }),
      lockHolder: () => undefined,
      newestAt: () => undefined,
      database: () => [],
      leftovers: () => [],
      reap: async () => [],
    },
    service: { os: "linux", program: ["/bin/codexd"], run: async () => ({ code: 0, out: "", err: "" }) },
    keeping: createKeeping({ platform: createBunPlatform(), clock: systemClock, version: "1.2.3" }),
    files: { ...folders, readText, watchFolder },
    ...change,
  }
  const send = (signal: StopSignal) => {
    for (const hear of ears) hear(signal)
  }
  return { needs, said, houses, closed, opened, send }
}

test("--version and --help answer on stdout with 0", async () => {
  const version = stage(["--version"])
  expect(await runCli(version.needs)).toBe(0)
  expect(version.said).toEqual({ out: "1.2.3\n", err: "" })
  const help = stage(["--help"])
  expect(await runCli(help.needs)).toBe(0)
  for (const word of ["serve", "demo", "doctor", "scripted-model", "token"])
    expect(help.said.out).toContain(word)
})

test.each([
  [["bogus"], "unknown command 'bogus'"],
  [["--bogus"], "unknown option '--bogus'"],
  [["serve", "--bogus"], "unknown option '--bogus'"],
  [["serve", "too", "much"], "too many arguments"],
  [["doctor", "bogus"], "too many arguments"],
  [["--port"], "argument missing"],
])("%p is not understood: help on stderr and 2", async (argv, message) => {
  const { needs, said, houses } = stage(argv)
  expect(await runCli(needs)).toBe(2)
  expect(said.err).toContain(message)
  expect(said.err).toContain("Usage: codexd")
  expect(said.out).toBe("")
  expect(houses).toEqual([])
})

test("no word at all serves; flags reach the configuration", async () => {
  const { needs, houses, closed, opened, send, said } = stage(["--port", "0", "--data-dir", "d"], {
    cwd: "/tmp/x",
  })
  const running = runCli(needs)
  await opened
  expect(houses[0]?.config).toMatchObject({ port: 0, dataDir: "/tmp/x/d" })
  expect(houses[0]?.config.offline).toBeUndefined()
  send("SIGTERM")
  expect(await running).toBe(0)
  expect(closed).toEqual(["SIGTERM"])
  expect(said.out).toBe("")
})

test("a terminal is told where the daemon is and where the token lies, without the token", async () => {
  const { needs, opened, send, said } = stage(["serve"])
  const running = runCli({ ...needs, out: { ...needs.out, isTTY: true } })
  await opened
  send("SIGINT")
  expect(await running).toBe(0)
  expect(said.out).toContain("codexd is up at http://127.0.0.1:1")
  expect(said.out).toContain("/nowhere/.data/api-token")
  expect(said.out).toContain("http://127.0.0.1:1/login#code")
  expect(said.err).not.toContain("#code")
})

test("a login link is for a terminal only", async () => {
  const { needs, said } = stage(["login", "--scope", "read,approve"])
  expect(await runCli(needs)).toBe(1)
  expect(said.err).toContain("for a terminal only")
  expect(said.out).toBe("")
  expect(await runCli({ ...needs, out: { ...needs.out, isTTY: true } })).toBe(0)
  expect(said.out).toBe("http://127.0.0.1:1/login#c0de\n")
})

test("a scope that isn't there, and a daemon that isn't, are said in a sentence", async () => {
  const { needs, said } = stage(["token", "create", "phone", "--scope", "everything"])
  expect(await runCli(needs)).toBe(1)
  expect(said.err).toContain('no scope "everything"; there are read, operate, approve, admin')
  const absent = stage(["token", "list"])
  const callOver = async () => {
    throw Object.assign(new Error("connect"), { code: "ENOENT" })
  }
  expect(await runCli({ ...absent.needs, callOver })).toBe(1)
  expect(absent.said.err).toContain("no daemon is running in /nowhere/.data")
})

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("a second %s ends a drain that hangs, with %p", async (signal, code) => {
  const closing = Promise.withResolvers<void>()
  const { needs, opened, send } = stage(["serve"], {})
  const hanging: CliNeeds["openHouse"] = async (house) => {
    const close = () => {
      closing.resolve()
      return new Promise<never>(() => undefined)
    }
    return { ...(await needs.openHouse(house)), close }
  }
  const clock = createManualClock()
  const running = runCli({ ...needs, clock, openHouse: hanging })
  await opened
  send("SIGTERM")
  await closing.promise
  // The same stroke again, passed on by npm: it does not count.
  send("SIGINT")
  clock.turn(1000)
  send(signal)
  expect(await running).toBe(code)
})

test("--offline starts the scripted model and hands its address to the house", async () => {
  const { needs, houses, opened, send } = stage(["serve", "--offline"])
  const running = runCli(needs)
  await opened
  const { baseUrl = "", model } = houses[0]?.config.offline ?? {}
  expect(model).toBe("scripted")
  expect(await (await fetch(`${baseUrl}/v1/models`)).json()).toMatchObject({ object: "list" })
  send("SIGTERM")
  expect(await running).toBe(0)
  expect(fetch(`${baseUrl}/v1/models`)).rejects.toThrow()
})

test.each([
  ["EADDRINUSE", ["--port", "3055"], /port 3055 on 127\.0\.0\.1 is taken .* PORT or --port/],
  ["EACCES", ["--port", "80"], /port 80 is for root only/],
  ["EADDRNOTAVAIL", ["--host", "10.255.255.1"], /10\.255\.255\.1 is no address of this machine/],
])("%s is said in words", async (code, argv, words) => {
  const failing = async () => Promise.reject(Object.assign(new Error("listen failed"), { code }))
  const { needs, said } = stage(argv, { openHouse: failing })
  expect(await runCli(needs)).toBe(1)
  expect(said.err).toMatch(words)
})

test("a bad configuration stops the start before anything is opened; a secret's value is not shown", async () => {
  const env = {
    PORT: "x",
    AGENT_EXTENSION_RBAC_MODE: "header",
    AGENT_EXTENSION_RBAC_HEADER_SECRET: "hush-hush",
    HOST: "0.0.0.0",
  }
  const { needs, said, houses } = stage(["serve"], { env })
  expect(await runCli(needs)).toBe(1)
  expect(said.err).toContain('PORT: "x" is no whole decimal number')
  expect(said.err).toContain("AGENT_EXTENSION_RBAC_MODE")
  expect(said.err).not.toContain("hush-hush")
  expect(houses).toEqual([])
})

test("warnings of the configuration are log lines", async () => {
  const { needs, opened, send, said } = stage(["serve"], {
    env: { ORCHESTRATOR_AGENT_POLL_INTERVAL_MS: "7" },
  })
  const running = runCli(needs)
  await opened
  send("SIGTERM")
  await running
  const [line = ""] = said.err.split("\n")
  expect(JSON.parse(line)).toMatchObject({ level: "warn", message: expect.stringContaining("has no effect") })
})

test("token prints the token alone, or says how to get one", async () => {
  using folder = testFolder("token")
  const argv = ["token", "--data-dir", folder.path]
  const none = stage(argv)
  expect(await runCli(none.needs)).toBe(1)
  expect(none.said.err).toContain("start the daemon once")
  writeFileSync(join(folder.path, "api-token"), "abc123\n")
  const some = stage(argv)
  expect(await runCli(some.needs)).toBe(0)
  expect(some.said).toEqual({ out: "abc123\n", err: "" })
})

test("scripted-model serves until a signal", async () => {
  const address = Promise.withResolvers<string>()
  const { needs, send } = stage(["scripted-model"])
  const running = runCli({ ...needs, out: { ...needs.out, write: (text) => address.resolve(text) } })
  const [url = ""] = /http:\S+/.exec(await address.promise) ?? []
  expect((await fetch(`${url}/models`)).status).toBe(200)
  send("SIGINT")
  expect(await running).toBe(0)
  const bad = stage(["scripted-model", "--port", "high"])
  expect(await runCli(bad.needs)).toBe(1)
})

test("a demo that fails says why, ends with 1 and leaves nothing behind", async () => {
  using folder = testFolder("demo")
  const env = { XDG_CACHE_HOME: folder.path }
  const { needs, said } = stage(["demo"], {
    env,
    openHouse: async () => Promise.reject(new Error("no room")),
  })
  expect(await runCli(needs)).toBe(1)
  expect(said.err).toContain("The demo failed: no room")
  expect(readdirSync(join(folder.path, "codexd"))).toEqual([])
})

test("doctor: all well is 0, oddities 1, breakage 2; --json says the same", async () => {
  using folder = testFolder("doctor")
  const dataDir = join(folder.path, "data")
  const argv = ["doctor", "--data-dir", dataDir]
  const env = { PORT: await freePort(), OPENAI_API_KEY: "sk-x" }
  const well = stage(argv, { env })
  expect(await runCli(well.needs)).toBe(0)
  expect(well.said.out).toContain("✓ codex: 0.1.0 with 9 methods (/bin/codex)")
  mkdirSync(dataDir)
  chmodSync(dataDir, 0o755)
  const odd = stage([...argv, "--json"], { env })
  expect(await runCli(odd.needs)).toBe(1)
  const { status, findings } = JSON.parse(odd.said.out)
  expect(status).toBe("findings")
  expect(findings).toContainEqual({
    name: "data folder",
    verdict: "warn",
    text: expect.stringContaining("is open to others"),
    remedy: `chmod 700 ${dataDir}`,
  })
  const missing = async () => Promise.reject(new Error("codex was not found"))
  const broken = stage(argv, { env, inspection: { ...odd.needs.inspection, binary: missing } })
  expect(await runCli(broken.needs)).toBe(2)
  expect(broken.said.out).toContain("✗ codex: codex was not found")
})

test("doctor names a taken port, and keeps off what a running daemon holds", async () => {
  await using taken = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("") })
  const env = { PORT: String(taken.port), OPENAI_API_KEY: "sk-x" }
  const free = stage(["doctor"], { env })
  expect(await runCli(free.needs)).toBe(2)
  expect(free.said.out).toContain(`127.0.0.1:${taken.port} can't be listened on`)
  const look = () => {
    throw new Error("looked into what is in use")
  }
  const inspection = {
    ...free.needs.inspection,
    lockHolder: () => 4711,
    database: look,
    leftovers: look,
    reap: look,
  }
  const held = stage(["doctor"], { env, inspection })
  expect(await runCli(held.needs)).toBe(0)
  expect(held.said.out).toContain("runs as process 4711")
  const processes = stage(["doctor", "processes"], { inspection })
  expect(await runCli(processes.needs)).toBe(1)
  expect(processes.said.err).toContain("process 4711")
})

test("doctor processes says what it ended", async () => {
  const inspection = { ...stage([]).needs.inspection, reap: async () => [{ pid: 12, command: "sleep" }] }
  const { needs, said } = stage(["doctor", "processes", "--json"], { inspection })
  expect(await runCli(needs)).toBe(0)
  expect(JSON.parse(said.out)).toEqual({ status: "ok", ended: [{ pid: 12, command: "sleep" }] })
})

async function freePort(): Promise<string> {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("") })
  const { port } = server
  await server.stop(true)
  return String(port)
}

test("doctor: the login, open files, the disk and the clock, each with what to do", async () => {
  using folder = testFolder("doctor-looks")
  const dataDir = join(folder.path, "data")
  mkdirSync(dataDir)
  chmodSync(dataDir, 0o755)
  writeFileSync(join(dataDir, "api-token"), "secret", { mode: 0o644 })
  const env = { PORT: await freePort(), HOME: folder.path }
  const { needs } = stage([])
  const inspection = { ...needs.inspection, newestAt: () => Date.now() + 3_600_000 }
  const tight = { ...needs.files, roomNear: () => 20 << 20 }
  const argv = ["doctor", "--json", "--data-dir", dataDir]
  const one = stage(argv, { env, inspection, files: tight })
  expect(await runCli(one.needs)).toBe(1)
  const { findings } = JSON.parse(one.said.out) as {
    findings: { name: string; verdict: string; text: string; remedy?: string }[]
  }
  const of = (name: string) => findings.find((finding) => finding.name === name)
  expect(of("login")).toMatchObject({ verdict: "warn", remedy: expect.stringContaining("run `codex login`") })
  expect(of("files")).toMatchObject({
    verdict: "warn",
    text: expect.stringContaining("api-token"),
    remedy: `chmod -R go= ${dataDir}`,
  })
  expect(of("disk")).toMatchObject({
    verdict: "warn",
    text: expect.stringMatching(/^20 MiB are left/),
    remedy: expect.stringContaining("make room"),
  })
  expect(of("clock")).toMatchObject({
    verdict: "warn",
    text: expect.stringContaining("the last event of the log"),
  })
  for (const { name, verdict, remedy } of findings)
    expect([name, remedy !== undefined]).toEqual([name, verdict !== "ok"])
  expect(one.said.out).not.toContain("secret")
  const full = stage(argv, { env, files: { ...needs.files, roomNear: () => 1 << 20 } })
  expect(await runCli(full.needs)).toBe(2)
  mkdirSync(join(folder.path, ".codex"))
  writeFileSync(join(folder.path, ".codex/auth.json"), "{}")
  chmodSync(dataDir, 0o700)
  const well = stage(argv, { env })
  expect(await runCli(well.needs)).toBe(0)
})
