// What every platform's `spawn` promises, with node:assert alone, so that Bun and Node both run it.

import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import type { Child, Platform } from "../../src/base/platform/port.ts"

export interface SpawnCase {
  name: string
  run(): Promise<void>
}

export function spawnCases(platform: Pick<Platform, "spawn">): SpawnCase[] {
  const shell = (script: string, more: { env?: Record<string, string>; cwd?: string } = {}): Child =>
    platform.spawn({ command: ["/bin/sh", "-c", script], cwd: "/", env: { PATH: "/usr/bin:/bin" }, ...more })
  const cases: Record<string, () => Promise<void>> = {
    "the child leads a session and a group of its own": async () => {
      const child = shell("read line")
      const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? []
      child.end()
      assert.deepEqual([Number(fields[2]), Number(fields[3])], [child.pid, child.pid])
      await child.exited
    },

    "what it writes arrives on the right pipe, byte for byte, to the end": async () => {
      const child = shell("printf 'out \\303\\251'; printf err >&2")
      assert.deepEqual([await textOf(child.stdout), await textOf(child.stderr)], ["out é", "err"])
      assert.deepEqual(await child.exited, { code: 0, signal: null })
    },

    "it gets the environment and the folder it was given, and nothing of ours": async () => {
      const child = shell("env; pwd", { env: { PATH: "/usr/bin:/bin", ONLY: "this" }, cwd: "/usr" })
      const lines = (await textOf(child.stdout)).split("\n").filter(Boolean)
      assert.ok(lines.includes("ONLY=this") && lines.includes("/usr"), lines.join(" "))
      const names = lines.flatMap((line) => (line.includes("=") ? [line.slice(0, line.indexOf("="))] : []))
      assert.deepEqual(
        names.filter((name) => !["PATH", "ONLY", "PWD", "OLDPWD", "SHLVL", "_"].includes(name)),
        [],
      )
      await child.exited
    },

    "writes arrive in order and large ones whole; the end of stdin is the end of its input": async () => {
      const child = shell("cat")
      const text = textOf(child.stdout)
      await child.write("first\n")
      await child.write(`${"é".repeat(500_000)}\n`)
      await child.write("last\n")
      child.end()
      assert.equal(await text, `first\n${"é".repeat(500_000)}\nlast\n`)
      assert.deepEqual(await child.exited, { code: 0, signal: null })
    },

    "a code and a signal are told apart": async () => {
      assert.deepEqual(await shell("exit 7").exited, { code: 7, signal: null })
      assert.deepEqual(await shell("kill -TERM $$").exited, { code: null, signal: "SIGTERM" })
    },

    "a signal reaches the whole group, and is quiet after the end": async () => {
      // Its background job holds the pipe open: the text ends only when that has gone too.
      const child = shell("sleep 1000 & echo up; wait")
      const reader = child.stdout[Symbol.asyncIterator]()
      assert.equal(new TextDecoder().decode((await reader.next()).value), "up\n")
      child.signal("SIGKILL")
      assert.deepEqual(await child.exited, { code: null, signal: "SIGKILL" })
      assert.equal((await reader.next()).done, true)
      child.signal("SIGTERM")
      child.signal("SIGKILL")
    },

    "writing to a child that has gone rejects, also when the write was waiting": async () => {
      const child = shell("exec sleep 1000")
      const waiting = child.write("x".repeat(4 << 20))
      child.signal("SIGKILL")
      await assert.rejects(waiting)
      await child.exited
      await assert.rejects(child.write("more"))
      child.end()
    },

    "a child that closed its stdin but lives rejects writes": async () => {
      const child = shell("exec 0<&-; echo closed; exec sleep 1000")
      const reader = child.stdout[Symbol.asyncIterator]()
      await reader.next()
      await assert.rejects(child.write("x".repeat(1 << 20)))
      child.signal("SIGKILL")
      await child.exited
    },

    "what can't be started throws at once": async () => {
      const spec = { cwd: "/", env: {} }
      assert.throws(() => platform.spawn({ ...spec, command: ["/nowhere/nothing"] }))
      assert.throws(() => platform.spawn({ ...spec, command: ["/bin/true"], cwd: "/nowhere" }))
      assert.throws(() => platform.spawn({ ...spec, command: [] }))
    },
  }
  return Object.entries(cases).map(([name, run]) => ({ name, run }))
}

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ""
  for await (const chunk of stream) text += decoder.decode(chunk, { stream: true })
  return text + decoder.decode()
}
