// An agent's own policy: in strict mode never looser than read-only, offline and silent; with `config` as the file says.

import { expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { policiesOf, readAgentConfig } from "../../../src/flow/workers/agent/agent-config.ts"

const DEFAULTS = {
  defaultSandboxMode: "workspace-write",
  defaultNetworkAccess: "enabled",
  defaultApprovalPolicy: "untrusted",
} as const
const STRICT = {
  approvalPolicy: "never",
  networkAccess: "restricted",
  filesystemSandbox: "read-only",
} as const

function fileOf(text: string, second?: string) {
  const shelf = join(homedir(), ".cache/codexd-tests")
  mkdirSync(shelf, { recursive: true })
  const path = mkdtempSync(join(shelf, "agent-config-"))
  try {
    const folders = [join(path, "a"), join(path, "b")]
    for (const folder of folders) mkdirSync(folder)
    writeFileSync(join(path, second === undefined ? "b" : "a", "agent.config.json"), text)
    if (second !== undefined) writeFileSync(join(path, "b", "agent.config.json"), second)
    return readAgentConfig(folders)
  } finally {
    rmSync(path, { recursive: true, force: true })
  }
}
const both = JSON.stringify({
  model: "m",
  turnPolicy: { sandbox: "danger-full-access", networkAccess: "enabled", effort: "low" },
  orientationTurnPolicy: { sandbox: "workspace-write", effort: "minimal" },
  threadStartPolicy: { approvalPolicy: "on-request" },
})

test("what a file asks for is never looser; effort and model are its own", () => {
  const policies = policiesOf(fileOf(both), { ...DEFAULTS, orchestratorWorkerPolicy: "strict" })
  expect(policies.instruction).toEqual({ tuple: STRICT, effort: "low" })
  expect(policies.orientation).toEqual({ tuple: STRICT, effort: "minimal" })
  expect(policies.start.tuple).toMatchObject({ networkAccess: "restricted", filesystemSandbox: "read-only" })
})

test("`config` takes the layers at their word, over the daemon's defaults", () => {
  const config = { ...DEFAULTS, orchestratorWorkerPolicy: "config" } as const
  const { instruction, orientation, start } = policiesOf(fileOf(both), config)
  const open = { approvalPolicy: "untrusted", networkAccess: "enabled" } as const
  expect(instruction).toEqual({ tuple: { ...open, filesystemSandbox: "danger-full-access" }, effort: "low" })
  expect(orientation).toEqual({ tuple: { ...open, filesystemSandbox: "workspace-write" }, effort: "minimal" })
  expect(start.tuple).toEqual({
    approvalPolicy: "on-request",
    networkAccess: "enabled",
    filesystemSandbox: "danger-full-access",
  })
  expect(policiesOf(fileOf("{}"), config).instruction.tuple).toEqual({
    ...open,
    filesystemSandbox: "workspace-write",
  })
})

test("the first folder's file counts, and one that can't be used is said so", () => {
  expect(fileOf('{"model": "first"}', '{"model": "second"}').model).toBe("first")
  expect(() => fileOf('{"sandbox": "read-only"}')).toThrow(/agent\.config\.json can't be used: .*sandbox/)
  expect(() => fileOf('{"turnPolicy": {"sandbox": "none"}}')).toThrow(/turnPolicy\.sandbox/)
  expect(() => fileOf("{")).toThrow(/can't be used/)
})
