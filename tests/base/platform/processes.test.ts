import { describe, expect, test } from "bun:test"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createProcesses, parsePs, parseStat } from "../../../src/base/platform/processes.ts"

const processes = createProcesses()

/** A shell in a session of its own that has said `up`. */
async function open(script: string, env: Record<string, string> = {}) {
  const child = spawn("/bin/bash", ["-c", script], {
    detached: true,
    env: { PATH: process.env.PATH ?? "", ...env },
  })
  await once(child.stdout, "data")
  const { pid = 0 } = child
  const gone = once(child, "exit")
  const close = async () => {
    try {
      process.kill(-pid, "SIGKILL")
    } catch {
      // Gone already.
    }
    await gone
  }
  return { pid, child, gone, [Symbol.asyncDispose]: close }
}

describe("the machine's processes", () => {
  test("a child is found with its parent, its session and its environment", async () => {
    await using shell = await open("echo up; read line", { MARK: "a=b c" })
    const row = processes.find(shell.pid)
    expect(row).toMatchObject({ parent: process.pid, group: shell.pid, session: shell.pid, name: "bash" })
    expect(processes.list()).toContainEqual(row as never)
    expect(processes.environ(shell.pid)).toMatchObject({ MARK: "a=b c" })
  })

  test("what started later has more ticks, and one that has gone isn't alive", async () => {
    await using shell = await open("echo up; read line")
    const row = processes.find(shell.pid)
    const own = processes.find(process.pid)
    if (!row || !own) throw new Error("both live")
    expect(row.startTicks).toBeGreaterThanOrEqual(own.startTicks)
    expect(processes.isAlive(row)).toBe(true)
    // The same number with another start is another process: it is left alone.
    expect(processes.signal({ ...row, startTicks: row.startTicks + 1 }, "SIGKILL")).toBe(false)
    expect(processes.signal(row, "SIGKILL")).toBe(true)
    await shell.gone
    expect(processes.isAlive(row)).toBe(false)
    expect(processes.signal(row, "SIGKILL")).toBe(false)
    expect(processes.environ(shell.pid)).toBeUndefined()
  })

  test("we never signal ourselves or the first process", () => {
    const own = processes.find(process.pid)
    if (!own) throw new Error("we live")
    expect(processes.signal(own, "SIGTERM")).toBe(false)
    expect(processes.signal({ ...own, pid: 1 }, "SIGTERM")).toBe(false)
  })

  test("the boot has a name", () => {
    expect(processes.bootId()).toMatch(/^[0-9a-f-]{36}$/)
  })
})

describe("what the system writes of a process", () => {
  test("a name may hold brackets and spaces; zombies don't count", () => {
    const tail = "1 20 30 0 -1 4194304 56 0 0 0 0 0 0 0 20 0 1 0 99187 2703360"
    expect(parseStat(`7 (a) b (c)) S ${tail}`)).toEqual({
      ...{ pid: 7, parent: 1, group: 20, session: 30, startTicks: 99187, name: "a) b (c)" },
    })
    expect(parseStat(`7 (sh) Z ${tail}`)).toBeUndefined()
  })

  test("a line of ps gives the same, with the group for the session", () => {
    expect(parsePs("  501   1   501 Ss   Mon Nov 23 12:00:01 2026     /Applications/My App/codex")).toEqual({
      ...{ pid: 501, parent: 1, group: 501, session: 501, name: "codex" },
      startTicks: Math.floor(Date.parse("Mon Nov 23 12:00:01 2026") / 1000),
    })
    expect(parsePs("  501   1   501 Z+   Mon Nov 23 12:00:01 2026     (codex)")).toBeUndefined()
    expect(parsePs("no such line")).toBeUndefined()
  })
})
