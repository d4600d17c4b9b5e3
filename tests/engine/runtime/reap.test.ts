// What survives a child is found and ended; what only looks alike is left alone. First who is found, over a made-up
// machine; then real processes, left by the fake and by the real binary.

import { describe, expect, test } from "bun:test"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { systemClock } from "../../../src/base/kit/clock.ts"
import { createProcesses, type Processes, type ProcessRow } from "../../../src/base/platform/processes.ts"
import { createScriptedModel } from "../../../src/engine/model/model.ts"
import { providerConfig } from "../../../src/engine/model/provider.ts"
import { findSurvivors, type Run, reapSurvivors } from "../../../src/engine/runtime/reap.ts"
import { BINARIES } from "../../support/raw-codex.ts"
import { createTestLog, openRuntime, type TestRuntime } from "./support.ts"

const SELF = 100
/** Made-up machine: init, us below a shell, and what the case adds. */
function machine(rows: (Partial<ProcessRow> & { pid: number; env?: Record<string, string> })[]): Processes {
  const base = [
    { pid: 1, parent: 0 },
    { pid: 90, parent: 1 },
    { pid: SELF, parent: 90 },
  ]
  const all = [...base, ...rows].map((row): ProcessRow & { env?: Record<string, string> } => ({
    ...{ parent: 1, group: row.pid, session: row.pid, startTicks: 1_000, name: "sh" },
    ...row,
  }))
  return {
    self: SELF,
    bootId: () => "this boot",
    list: () => all,
    find: (pid) => all.find((row) => row.pid === pid),
    environ: (pid) => all.find((row) => row.pid === pid)?.env ?? {},
    isAlive: () => true,
    signal: () => false,
  }
}
const RUN: Run = {
  id: "r1",
  startedAt: 1,
  pid: 500,
  startTicks: 900,
  bootId: "this boot",
  threads: ["thread-1"],
}
const found = (processes: Processes, { runs = [RUN], spare = [] as string[] } = {}) =>
  Object.fromEntries(
    findSurvivors({ processes, houseId: "house", runs, spare }).map((s) => [s.row.pid, s.why]),
  )

describe("who is a survivor", () => {
  test("members of the run's session, leader or not", () => {
    const members = [{ pid: 501, session: 500 }, { pid: 502, session: 500, group: 502 }, { pid: 503 }]
    expect(found(machine(members))).toEqual({ 501: "session", 502: "session" })
    expect(found(machine([{ pid: 500, startTicks: 900 }, ...members]))).toEqual({
      ...{ 500: "session", 501: "session", 502: "session" },
    })
  })

  test("a pid used again leads somebody else's session", () => {
    const rows = [
      { pid: 500, startTicks: 5_000 },
      { pid: 501, session: 500, startTicks: 5_001 },
    ]
    expect(found(machine(rows))).toEqual({})
  })

  test("numbers of another boot mean nothing, the mark in an environment does", () => {
    const rows = [
      { pid: 501, session: 500 },
      { pid: 600, env: { CODEXD_RUN: "house.r1" } },
    ]
    expect(found(machine(rows), { runs: [{ ...RUN, bootId: "another" }] })).toEqual({ 600: "environment" })
  })

  test("our mark, also of a run that was never recorded, and not another house's", () => {
    const rows = [
      { pid: 600, env: { CODEXD_RUN: "house.r1" } },
      { pid: 601, env: { CODEXD_RUN: "house.unheard-of" } },
      { pid: 602, env: { CODEXD_RUN: "house2.r1" } },
      { pid: 603, env: { CODEXD_RUN: "other.r1", CODEX_THREAD_ID: "thread-1" } },
    ]
    expect(found(machine(rows))).toEqual({ 600: "environment", 601: "environment" })
  })

  test("a thread's id of that run, of processes that are not older than it", () => {
    const rows = [
      { pid: 600, env: { CODEX_THREAD_ID: "thread-1" } },
      { pid: 601, env: { CODEX_THREAD_ID: "thread-1" }, startTicks: 800 },
      { pid: 602, env: { CODEX_THREAD_ID: "thread-2" } },
    ]
    expect(found(machine(rows))).toEqual({ 600: "thread" })
  })

  test("another codex on the same thread keeps its commands", () => {
    const rows = [
      { pid: 700, name: "codex" },
      { pid: 701, parent: 700, env: { CODEX_THREAD_ID: "thread-1" } },
      { pid: 702, parent: 701, env: { CODEX_THREAD_ID: "thread-1" } },
    ]
    expect(found(machine(rows))).toEqual({})
  })

  test("the living children of survivors, and their sessions, with nothing in their environment", () => {
    const rows = [
      { pid: 600, env: { CODEXD_RUN: "house.r1" } },
      { pid: 601, parent: 600 },
      { pid: 602, parent: 601 },
      { pid: 603, parent: 1, session: 600 },
    ]
    expect(found(machine(rows))).toEqual({
      ...{ 600: "environment", 601: "kin", 602: "kin", 603: "kin" },
    })
  })

  test("a run that lives is spared with all its own", () => {
    const rows = [
      { pid: 500, startTicks: 900, env: { CODEXD_RUN: "house.r1" } },
      { pid: 501, session: 500 },
      { pid: 600, env: { CODEXD_RUN: "house.r1", CODEX_THREAD_ID: "thread-1" } },
      { pid: 601, env: { CODEX_THREAD_ID: "thread-1" } },
      { pid: 602, env: { CODEXD_RUN: "house.r0" } },
    ]
    expect(found(machine(rows), { spare: ["r1"] })).toEqual({ 602: "environment" })
  })

  test("neither we nor those above us, though a command of the run started the daemon", () => {
    const rows = [
      { pid: 90, parent: 600, env: { CODEXD_RUN: "house.r1" } },
      { pid: SELF, parent: 90, env: { CODEXD_RUN: "house.r1" } },
      { pid: 600, parent: 1, env: { CODEXD_RUN: "house.r1" } },
    ]
    const processes = machine([])
    const all = [...processes.list().filter((row) => row.pid === 1), ...machine(rows).list().slice(3)]
    const view = { ...machine(rows), list: () => all }
    expect(found(view)).toEqual({})
  })
})

const real = createProcesses()
const alive = (pid: number) => real.find(pid) !== undefined

/** Resolves with the lines of a file once it has `count` of them. */
async function linesOf(file: string, count: number): Promise<string[]> {
  // Not fs.watch: on Bun 1.4.5 it lost the last append here. What is not there yet, tail would look for once a second.
  writeFileSync(file, "", { flag: "a" })
  const tail = Bun.spawn(["tail", "-q", "-n", "+1", "-F", file], { stderr: "ignore" })
  const net = setTimeout(() => tail.kill(), 60_000)
  let text = ""
  try {
    for await (const chunk of tail.stdout) {
      text += new TextDecoder().decode(chunk)
      const lines = text.split("\n").slice(0, -1)
      if (lines.length >= count) return lines
    }
    throw new Error(`deadline: ${file} has only ${text}`)
  } finally {
    clearTimeout(net)
    tail.kill()
  }
}
const pidsOf = (lines: string[]) => lines.map((line) => Number(line.split(" ").at(-1)))

const STAY = join(import.meta.dirname, "../../fakes/stay")
/** What a command may leave behind; each tells its pid in the file `left`. */
const COMMAND = [
  `{ ${STAY} plain left`,
  `setsid ${STAY} setsid left`,
  `(setsid /bin/sh -c "${STAY} forked left &" &)`,
  `env -i ${STAY} deaf-cleared left`,
  "} > /dev/null 2>&1; wait",
].join(" & ")

async function runApproved(rt: TestRuntime, command: string) {
  const from = rt.heard.length
  await rt.say(await rt.openThread(), `run: ${command}`)
  const { rpcId = -1 } = await rt.message("item/commandExecution/requestApproval", from)
  await rt.supervisor.ready()?.respond(rpcId, { decision: "accept" })
}

describe("real processes", () => {
  test("a crash of the child leaves none: MCP-like ones, setsid, forked twice, deaf to TERM", async () => {
    await using rt = openRuntime({ mischief: "grandchildren" })
    rt.supervisor.start()
    const { pid = 0 } = await rt.inState("ready")
    const lines = await linesOf(join(rt.home, "survivors"), 5)
    expect(lines.map((line) => line.split(" ")[0]).sort()).toEqual([
      "deaf",
      "deaf-cleared",
      "forked",
      "plain",
      "setsid",
    ])
    process.kill(pid, "SIGKILL")
    // The next child's own grandchildren come on top.
    await rt.until(
      "the next child",
      () => rt.supervisor.state().name === "ready" && rt.supervisor.state().pid !== pid,
    )
    expect(pidsOf(lines).filter(alive)).toEqual([])
    const next = await linesOf(join(rt.home, "survivors"), 10)
    expect(next.filter((l) => !alive(pidsOf([l])[0] ?? 0))).toEqual(lines)
    await rt.supervisor.stop()
    expect(pidsOf(next).filter(alive)).toEqual([])
    expect(rt.store.unfinished()).toEqual([])
  }, 60_000)

  test("commands of a turn that stayed are ended with the child, those without a mark by their thread", async () => {
    // As `shell_environment_policy` may: the mark is stripped, the thread's id stays.
    await using rt = openRuntime()
    rt.supervisor.start()
    await rt.inState("ready")
    await runApproved(rt, `unset CODEXD_RUN; ${COMMAND}`)
    const left = pidsOf(await linesOf(join(rt.home, "left"), 4))
    expect(left.filter(alive)).toEqual(left)
    await rt.supervisor.stop({ graceMs: 0 })
    expect(left.filter(alive)).toEqual([])
  }, 60_000)

  test("a run that could not be recorded is reaped from memory: its session tells, where nothing else does", async () => {
    const fails = () => Promise.reject(new Error("the disk is full"))
    const runStore = { begin: fails, spawned: fails, thread: fails, ended: fails, unfinished: () => [] }
    const processes = { ...createProcesses(), environ: () => undefined }
    await using rt = openRuntime({ runStore, processes, mischief: "grandchildren" })
    rt.supervisor.start()
    const { pid = 0 } = await rt.inState("ready")
    const pids = pidsOf(await linesOf(join(rt.home, "survivors"), 5))
    const members = processes.list().filter((row) => row.session === pid && pids.includes(row.pid))
    expect(members.length).toBeGreaterThan(1)
    try {
      await rt.supervisor.stop({ graceMs: 0 })
      expect(members.map((row) => row.pid).filter(alive)).toEqual([])
    } finally {
      for (const left of pids.filter(alive)) process.kill(left, "SIGKILL")
    }
  }, 60_000)

  test("the next start of a daemon that was killed finds what its runs left", async () => {
    // The daemon's death is played by a child that is nobody's any more: its exit is not buried by a supervisor.
    await using rt = openRuntime({ mischief: "grandchildren" })
    rt.supervisor.start()
    const { pid = 0 } = await rt.inState("ready")
    const pids = pidsOf(await linesOf(join(rt.home, "survivors"), 5))
    const runs = rt.store.unfinished().map((run) => ({ ...run }))
    const { log, lines } = createTestLog()
    const reaped = await reapSurvivors({
      processes: real,
      clock: systemClock,
      houseId: rt.houseId,
      runs,
      log,
    })
    expect([pid, ...pids].filter(alive)).toEqual([])
    const deaf = reaped.filter((one) => one.by === "SIGKILL").map((one) => one.pid)
    expect(deaf.some((one) => pids.includes(one))).toBe(true)
    expect(reaped.some((one) => one.by === "nothing")).toBe(false)
    expect(lines.length).toBe(1)
    await rt.until("its end", () => rt.exits[0])
  }, 60_000)

  test("0.169 itself: commands in the background and in sessions of their own don't survive its kill -9", async () => {
    const model = createScriptedModel({ clock: systemClock })
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, fetch: (r) => model.fetch(r) })
    try {
      const program = async () => ({ command: [BINARIES["0.169.0"] ?? "", "app-server"] })
      await using rt = openRuntime({ program })
      const baseUrl = `http://127.0.0.1:${server.port}`
      writeFileSync(join(rt.home, "config.toml"), providerConfig({ baseUrl, model: "gpt-5.5" }))
      const work = join(rt.home, "work")
      mkdirSync(work)
      rt.supervisor.start()
      const { pid = 0, runId = "" } = await rt.inState("ready")
      const params = { cwd: work, approvalPolicy: "untrusted", sandbox: "danger-full-access" }
      const { thread } = (await rt.call("thread/start", params)) as { thread: { id: string } }
      await rt.store.thread(runId, thread.id)
      await rt.say(thread.id, `run: ${COMMAND}`)
      const { rpcId = -1 } = await rt.message("item/commandExecution/requestApproval")
      await rt.supervisor.ready()?.respond(rpcId, { decision: "accept" })
      const left = pidsOf(await linesOf(join(work, "left"), 4))
      process.kill(pid, "SIGKILL")
      await rt.until(
        "its burial",
        () => rt.runs.get(runId)?.ended === true || rt.supervisor.state().restarts > 0,
      )
      expect(left.filter(alive)).toEqual([])
    } finally {
      await server.stop(true)
    }
  }, 60_000)
})
