// What a process holds in memory, in bytes as the machine counts them. Null where nobody can tell.

import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"

const PAGE_BYTES = 4096

export function residentBytesOf(pid: number): number | null {
  try {
    if (process.platform === "linux") {
      return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * PAGE_BYTES
    }
    const text = execFileSync("ps", ["-o", "rss=", "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    })
    return Number(text.trim()) * 1024
  } catch {
    return null
  }
}
