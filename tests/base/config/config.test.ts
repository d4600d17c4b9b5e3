// The configuration as an operator meets it: what a set of variables gives, and what a mistake says.

import { expect, test } from "bun:test"
import { ConfigError, type Env, type Overrides, readConfig } from "../../../src/base/config/config.ts"
import { VARIABLES } from "../../../src/base/config/variables.ts"

const place = {
  cwd: "/home/ada/work/deep",
  programDir: "/opt/codexd",
  exists: (path: string) => path === "/home/ada/work/pnpm-workspace.yaml",
}
const read = (env: Env = {}, overrides: Overrides = {}) => readConfig(env, overrides, place)
const problems = (env: Env, overrides: Overrides = {}): string[] => {
  try {
    read(env, overrides)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

test("nothing set gives the defaults of the contract", () => {
  const config = read()
  expect(config).toMatchObject({
    host: "127.0.0.1",
    port: 3001,
    logLevel: "info",
    defaultApprovalPolicy: "untrusted",
    defaultSandboxMode: "read-only",
    defaultNetworkAccess: "restricted",
    apiAuth: "token",
    eventsMaxAgeHours: 24,
    eventsMaxMib: 256,
    codexLineLimitMib: 64,
    streamMaxLagMib: 8,
    drainGraceMs: 10_000,
    storageSync: "normal",
    rawEvents: true,
    orchestratorAgentTurnTimeoutMs: 180_000,
    agentExtensionRbacJwtRoleClaim: "role",
    warnings: [],
  })
  expect(config.codexHome).toBeUndefined()
})

test("relative folders start at the workspace root, those of flags in the working directory", () => {
  const env = { DATA_DIR: "data", CODEX_HOME: "../home", AGENT_EXTENSION_PACKAGE_ROOTS: "a: /b :./c/../d" }
  expect(read(env)).toMatchObject({
    workspaceRoot: "/home/ada/work",
    dataDir: "/home/ada/work/data",
    codexHome: "/home/ada/home",
    agentExtensionPackageRoots: ["/home/ada/work/a", "/b", "/home/ada/work/d"],
  })
  expect(read(env, { dataDir: "data" }).dataDir).toBe("/home/ada/work/deep/data")
  const nowhere = readConfig({}, {}, { ...place, exists: () => false })
  expect(nowhere.dataDir).toBe("/home/ada/work/deep/.data")
})

test("flags win over the environment, and only the flag takes port 0", () => {
  expect(read({ HOST: "::1", PORT: "80" }, { host: "localhost", port: "0" })).toMatchObject({
    host: "localhost",
    port: 0,
  })
  expect(problems({ PORT: "0" })).toEqual([
    'PORT: "0" is out of range; accepted: whole number from 1 to 65535',
  ])
  expect(problems({}, { port: "70000" })[0]).toStartWith('--port: "70000" is no port')
})

test("all problems come at once, each with the variable, what is wrong and what is accepted", () => {
  expect(
    problems({
      PORT: "0x10",
      LOG_LEVEL: "loud",
      RAW_EVENTS: "TRUE",
      DRAIN_GRACE_MS: "-1",
      EVENTS_MAX_MIB: "",
    }),
  ).toEqual([
    'PORT: "0x10" is no whole decimal number; accepted: whole number from 1 to 65535',
    'LOG_LEVEL: "loud" is none of them; accepted: fatal | error | warn | info | debug | trace | silent',
    "EVENTS_MAX_MIB: the empty value is no whole decimal number; accepted: whole number from 1",
    'RAW_EVENTS: "TRUE" is neither; accepted: true | false',
    'DRAIN_GRACE_MS: "-1" is out of range; accepted: whole number from 0',
  ])
})

test.each(["1.5", "1e3", " 5", "0x5", "five", "+5", "99999999999999999999"])(
  "%p is no number of jobs",
  (value) => {
    expect(problems({ ORCHESTRATOR_QUEUE_MAX_GLOBAL: value })).toHaveLength(1)
  },
)

test("an empty text is as good as none, as in an env file", () => {
  expect(read({ CODEX_HOME: "", CODEX_BIN: "", HOST: "", API_ALLOWED_HOSTS: "" })).toEqual(read())
})

test("lists of hosts and origins are taken apart and looked at", () => {
  expect(read({ API_ALLOWED_HOSTS: "box.local, 10.0.0.2:80,[::1]:3001" }).apiAllowedHosts).toHaveLength(3)
  expect(problems({ API_ALLOWED_HOSTS: "https://box" })).toHaveLength(1)
  expect(read({ API_ALLOWED_ORIGINS: "http://a.b,https://c:8443" }).apiAllowedOrigins).toEqual([
    "http://a.b",
    "https://c:8443",
  ])
  for (const bad of ["*", "a.b", "http://a.b/", "ftp://a"])
    expect(problems({ API_ALLOWED_ORIGINS: bad })).toHaveLength(1)
})

test("an open door is refused on every address but loopback, with the remedy", () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "localhost", "::1"])
    expect(read({ API_AUTH: "none", HOST: host }).apiAuth).toBe("none")
  for (const host of ["0.0.0.0", "::", "192.168.1.2", "box", "127.0.0.1.evil.com"]) {
    const [problem] = problems({ API_AUTH: "none", HOST: host })
    expect(problem).toContain("API_AUTH=token, or HOST=127.0.0.1")
  }
  expect(problems({ API_AUTH: "none" }, { host: "0.0.0.0" })).toHaveLength(1)
})

test("role modes without their secret are refused", () => {
  expect(problems({ AGENT_EXTENSION_RBAC_MODE: "jwt" })).toHaveLength(1)
  expect(problems({ AGENT_EXTENSION_RBAC_MODE: "header" })).toHaveLength(1)
  const header = { AGENT_EXTENSION_RBAC_MODE: "header", AGENT_EXTENSION_RBAC_HEADER_SECRET: "s3cret" }
  expect(problems(header)).toEqual([])
  expect(problems({ ...header, HOST: "0.0.0.0" })).toHaveLength(1)
  expect(
    problems({ ...header, HOST: "0.0.0.0", AGENT_EXTENSION_ALLOW_INSECURE_HEADER_MODE: "true" }),
  ).toEqual([])
})

test("what has no effect and what looks mistyped is named, without values", () => {
  const { warnings } = read({
    ORCHESTRATOR_AGENT_POLL_INTERVAL_MS: "5",
    ORCHESTRATOR_QUEU_ENABLED: "hidden",
    API_AUTHS: "none",
    API_KEY: "of another program",
    CODEX_ANYTHING: "too",
  })
  expect(warnings).toHaveLength(3)
  expect(warnings[0]).toStartWith("ORCHESTRATOR_AGENT_POLL_INTERVAL_MS has no effect")
  expect(warnings[1]).toBe(
    "ORCHESTRATOR_QUEU_ENABLED is not a variable of codexd; did you mean ORCHESTRATOR_QUEUE_ENABLED?",
  )
  expect(warnings[2]).toEndWith("did you mean API_AUTH?")
  expect(problems({ ORCHESTRATOR_AGENT_POLL_INTERVAL_MS: "often" })).toHaveLength(1)
})

test("the child's environment holds everything but the daemon's own secrets", () => {
  const env = {
    PATH: "/bin",
    OPENAI_API_KEY: "sk-1",
    AGENT_EXTENSION_RBAC_JWT_SECRET: "s",
    AGENT_EXTENSION_RBAC_HEADER_SECRET: "t",
  }
  expect(read({ ...env, GONE: undefined }).childEnv).toEqual({ PATH: "/bin", OPENAI_API_KEY: "sk-1" })
})

test("every variable has a default that its own parser accepts", () => {
  for (const [name, { parse, fallback }] of Object.entries(VARIABLES)) {
    if (fallback === undefined || Array.isArray(fallback)) continue
    expect([name, parse(String(fallback))]).toEqual([name, { value: fallback }])
  }
})

test("docs/configuration.md names every variable with its values, default and meaning, in order, and no other", async () => {
  const page = await Bun.file(`${import.meta.dir}/../../../docs/configuration.md`).text()
  const rows = page.split("\n").filter((line) => /^\| `[A-Z]/.test(line))
  const expected = Object.entries(VARIABLES).map(([name, variable]) => {
    const { accepts, fallback, meaning } = variable
    const shown = fallback === undefined || Array.isArray(fallback) ? "–" : `\`${fallback}\``
    return `| \`${name}\` | ${accepts.replaceAll(" | ", " ∣ ")} | ${shown} | ${meaning} |`
  })
  expect(rows).toEqual(expected)
})
