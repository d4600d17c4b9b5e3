// Kills a busy queue again and again on one database and looks each time: nothing acknowledged is lost, nothing ends twice,
// and at last everything is over.

import { spawn } from "node:child_process"
import { join } from "node:path"
import { openBunDriver } from "../../../src/base/storage/bun-driver.ts"
import { makeFolder } from "./rig.ts"

const root = join(import.meta.dir, "../../..")
const RUNTIMES = [
  [join(root, "node_modules/.bin/bun"), "--no-env-file"],
  [join(root, "node_modules/.bin/node")],
]

export interface KillsEnd {
  violations: string[]
  kills: number
  acknowledged: number
  ended: number
}

export async function killAgainAndAgain(kills: number, random = Math.random): Promise<KillsEnd> {
  using folder = makeFolder()
  const violations: string[] = []
  const acknowledged = new Set<string>()
  const ended = new Map<string, string>()
  const run = (mode: string, lines: number, at: number) =>
    new Promise<void>((resolve) => {
      const [program = "", ...flags] = RUNTIMES[at % 2] ?? []
      const child = spawn(program, [...flags, join(import.meta.dir, "kill-child.ts"), folder.path, mode], {
        stdio: ["ignore", "pipe", "inherit"],
      })
      let text = ""
      let seen = 0
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk
        seen += chunk.split("\n").length - 1
        if (mode === "busy" && seen >= lines) child.kill("SIGKILL")
      })
      child.on("close", () => {
        for (const line of text.split("\n").slice(0, -1)) hear(line, at)
        if (mode === "finish" && !text.endsWith("finished\n")) violations.push("it never finished")
        resolve()
      })
    })
  function hear(line: string, at: number): void {
    const [what, id = "", state = ""] = line.split(" ")
    if (what === "ack") acknowledged.add(id)
    if (what === "fault") violations.push(`life ${at}: ${line}`)
    if (what !== "end") return
    if (ended.has(id)) violations.push(`life ${at}: ${id} was ${ended.get(id)} and is ${state}`)
    ended.set(id, state)
  }
  function look(at: number): void {
    const driver = openBunDriver(folder.path)
    try {
      if (driver.prepare("PRAGMA integrity_check").get()?.integrity_check !== "ok")
        violations.push(`life ${at}: the database is broken`)
      const rows = new Map(
        driver
          .prepare("SELECT id, state FROM jobs")
          .all()
          .map((row) => [row.id, row.state]),
      )
      for (const id of acknowledged) if (!rows.has(id)) violations.push(`life ${at}: ${id} is lost`)
      for (const [id, state] of ended) {
        if (rows.get(id) !== state) violations.push(`life ${at}: ${id} ended ${state} and is ${rows.get(id)}`)
      }
      if (at !== kills) return
      for (const [id, state] of rows)
        if (state === "queued" || state === "running") violations.push(`${id} is still ${state}`)
    } finally {
      driver.close()
    }
  }
  for (let at = 0; at < kills; at++) {
    await run("busy", 1 + Math.floor(random() * 600), at)
    look(at)
  }
  await run("finish", 0, kills)
  look(kills)
  return { violations, kills, acknowledged: acknowledged.size, ended: ended.size }
}
