import { expect, test } from "bun:test"
import { systemClock } from "../../../src/base/kit/clock.ts"
import { spawnOnBun } from "../../../src/base/platform/bun-spawn.ts"
import { startChild } from "../../../src/engine/runtime/child.ts"

const MIB = 1024 * 1024

test("a stderr line of any length harms nobody: it is heard in pieces and the child ends by itself", async () => {
  const lines: number[] = []
  const script = `head -c ${2 * MIB + 5} /dev/zero | tr '\\0' x >&2; echo >&2; echo after >&2; exit 4`
  const run = startChild({
    platform: { spawn: spawnOnBun },
    clock: systemClock,
    spec: { command: ["/bin/sh", "-c", script], cwd: "/", env: { PATH: process.env.PATH ?? "" } },
    lineLimitBytes: MIB,
    onMessages: () => undefined,
    onBadLine: () => undefined,
    onFault: () => expect.unreachable(),
    onStderr: (line) => lines.push(line.length),
  })
  expect(await run.ended).toEqual({ code: 4, signal: null })
  expect(lines).toEqual([MIB, MIB, 5, 5])
  expect(run.stderrTail().endsWith("xxxxx\nafter")).toBe(true)
})
