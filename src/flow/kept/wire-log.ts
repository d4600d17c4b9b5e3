// LOG=wire: every JSON-RPC line between the daemon and Codex in the log, with its direction, and for an answer how long it
// took and what it answers. Values named like secrets and known secrets are masked there; a long line is told by its size.

import type { Clock } from "../../base/kit/clock.ts"
import type { Logger } from "../../base/observe/logger.ts"
import type { Child, Platform } from "../../base/platform/port.ts"
import { createPieceCutter } from "../../engine/runtime/protocol/lines.ts"

export interface WireLogNeeds {
  clock: Clock
  logger: Logger
}

type Direction = "to codex" | "from codex"
interface Line {
  id?: unknown
  method?: unknown
}

/** Longer ones are told without what is in them. */
const SHOWN = 16 * 1024
const CUT_BYTES = 1024 * 1024
/** Calls without an answer that are remembered. */
const MOST_OPEN = 1_000

/** The platform's spawn, listened to. */
export const tapped =
  (spawn: Platform["spawn"], needs: WireLogNeeds): Platform["spawn"] =>
  (spec) => {
    const child = spawn(spec)
    const tell = createTeller(needs)
    return {
      ...child,
      pid: child.pid,
      exited: child.exited,
      stderr: child.stderr,
      stdout: heard(child, (line) => tell("from codex", line)),
      write(text) {
        for (const line of text.split("\n")) if (line !== "") tell("to codex", line)
        return child.write(text)
      },
      end: () => child.end(),
      signal: (name) => child.signal(name),
    }
  }

async function* heard({ stdout }: Child, hear: (line: string) => void): AsyncIterable<Uint8Array> {
  const cutter = createPieceCutter({ limitBytes: CUT_BYTES })
  for await (const chunk of stdout) {
    for (const line of cutter.push(chunk)) if (line !== "") hear(line)
    yield chunk
  }
}

/** Ids of the two sides are different ones. */
function createTeller({ clock, logger }: WireLogNeeds) {
  const open = new Map<string, { method: unknown; at: number }>()
  return (direction: Direction, text: string): void => {
    const line = parsed(text)
    const { id, method } = line ?? {}
    const now = clock.mono()
    let answers: { answers: unknown; ms: number } | undefined
    if (id !== undefined && method !== undefined) {
      const [oldest] = open.keys()
      if (open.size >= MOST_OPEN && oldest !== undefined) open.delete(oldest)
      open.set(`${direction} ${JSON.stringify(id)}`, { method, at: now })
    } else if (id !== undefined) {
      const key = `${direction === "to codex" ? "from codex" : "to codex"} ${JSON.stringify(id)}`
      const asked = open.get(key)
      open.delete(key)
      if (asked) answers = { answers: asked.method, ms: Math.round((now - asked.at) * 1_000) / 1_000 }
    }
    const shown = text.length <= SHOWN ? { line: line ?? text } : { id, method, length: text.length }
    logger.info("wire", { direction, ...answers, ...shown })
  }
}

function parsed(text: string): Line | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
