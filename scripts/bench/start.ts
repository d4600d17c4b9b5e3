// How long from spawn to the first answer, before there is a child, and what stays resident of the daemon's own process
// when the child is ready and nothing happens; in a new data folder, and again in one that is there; beside one Hono route, as
// source and compiled.
// start.ts [--rounds 10]

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { COMMANDS } from "../../tests/support/daemon.ts"
import { buildBinary } from "../build.ts"
import { median, option, out, table } from "./parts/figures.ts"
import { BARE, serveBy, startServed } from "./parts/served.ts"
import { residentMb } from "./parts/workers.ts"

const rounds = option("rounds", 10)
/** After ready: what the start left to be collected is gone by then. */
const IDLE_MS = 3_000

const folder = mkdtempSync(join(tmpdir(), "codexd-bench-"))
try {
  await measure()
} finally {
  rmSync(folder, { recursive: true })
}

async function measure() {
  const codexd = join(folder, "codexd")
  const floor = join(folder, "bare")
  await buildBinary(codexd)
  await buildBare(floor)
  for (const file of [codexd, floor]) await asInstalled(file)
  const kept = join(folder, "data")
  const again = { DATA_DIR: kept, CODEX_HOME: kept }
  const programs = [
    { name: "codexd, compiled", command: serveBy([codexd]), ready: "codex is ready" },
    { name: "codexd, compiled, again", command: serveBy([codexd]), ready: "codex is ready", env: again },
    { name: "codexd, source", command: serveBy(COMMANDS.bun), ready: "codex is ready" },
    { name: "bare Hono, compiled", command: [floor], ready: "listening" },
    { name: "bare Hono, source", command: BARE, ready: "listening" },
  ].map((program) => ({ ...program, listens: [] as number[], up: [] as number[], resident: [] as number[] }))

  // Makes the folder that is there.
  await (await startServed(serveBy([codexd]), again))[Symbol.asyncDispose]()
  for (let round = 0; round < rounds; round++)
    for (const { command, ready, env, listens, up, resident } of programs) {
      await using served = await startServed(command, env)
      listens.push(served.listensMs)
      up.push(served.upMs)
      // Memory needs few rounds: it hardly differs from start to start.
      if (round % 4 !== 0) continue
      await served.said(ready)
      await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
      resident.push(residentMb(served.pid))
    }

  const rows = programs.map(({ name, listens, up, resident }) => [
    name,
    `${median(listens).toFixed(0)} (${Math.min(...listens).toFixed(0)})`,
    `${median(up).toFixed(0)} (${Math.min(...up).toFixed(0)})`,
    median(resident).toFixed(1),
  ])
  out(table([["", "listens ms (least)", "first answer ms (least)", "resident idle MB"], ...rows]))
}

/**
 * Out of the page cache, to be read from the disk as an installed program is: of a file that was written a moment ago the
 * kernel maps more than is touched (3 MB here, of either program), and counts it as resident.
 */
async function asInstalled(file: string) {
  for (const command of [
    ["sync", file],
    ["dd", `if=${file}`, "iflag=nocache", "count=0"],
  ])
    await Bun.spawn(command, { stdio: ["ignore", "ignore", "ignore"] }).exited
}

async function buildBare(outfile: string) {
  const source = BARE.at(-1) ?? ""
  const child = Bun.spawn(
    [process.execPath, "build", "--compile", "--minify", source, "--outfile", outfile],
    {
      stdio: ["ignore", "ignore", "inherit"],
    },
  )
  if ((await child.exited) !== 0) throw new Error("the bare server could not be built")
}
