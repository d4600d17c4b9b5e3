// One run of the program: its pipes, its peer, its last words, its end. `ended` resolves once, after the last line that
// the program wrote was delivered and every waiter of the peer was told.

import type { Clock } from "../../base/kit/clock.ts"
import { TIMERS } from "../../base/kit/timers.ts"
import type { Platform, SpawnSpec } from "../../base/platform/port.ts"
import { createPeer, type Peer, type PeerNeeds } from "./peer.ts"
import { createLineCutter, createPieceCutter, LineTooLong } from "./protocol/lines.ts"

/** What to start, found anew before every start. */
export interface Program {
  command: string[]
  /** Over the supervisor's own environment. */
  env?: Record<string, string>
  /** Names this very binary (path, size, mtime), for what is learned once per binary. */
  key?: string
}

export interface ChildNeeds extends Pick<PeerNeeds, "onMessages" | "onBadLine" | "onFault"> {
  platform: Pick<Platform, "spawn">
  clock: Clock
  spec: SpawnSpec
  lineLimitBytes: number
  onStderr(line: string): void
}

export interface ChildEnd {
  code: number | null
  signal: string | null
  /** Why we ended it ourselves, when we did. */
  reason?: string
}

export interface ChildRun {
  readonly pid: number
  readonly peer: Peer
  readonly ended: Promise<ChildEnd>
  /** The last of what it wrote to stderr, at most 64 KiB. */
  stderrTail(): string
  /** TERM to its group, KILL after `graceMs`; resolves with `ended`. The first reason stays. */
  kill(reason: string, graceMs?: number): Promise<ChildEnd>
}

const TAIL_CHARACTERS = 64 * 1024
const STDERR_LINE_BYTES = 1024 * 1024

/** Throws when the program can't be started. */
export function startChild(needs: ChildNeeds): ChildRun {
  const { clock } = needs
  const child = needs.platform.spawn(needs.spec)
  const peer = createPeer({ ...needs, send: (text) => child.write(text) })
  const tail = createTail(needs.onStderr)
  let reason: string | undefined

  const readOut = async () => {
    const cutter = createLineCutter({ limitBytes: needs.lineLimitBytes })
    const cut = (chunk: Uint8Array): string[] => {
      try {
        return cutter.push(chunk)
      } catch (error) {
        if (error instanceof LineTooLong) peer.receive(error.before)
        throw error
      }
    }
    for await (const chunk of child.stdout) peer.receive(cut(chunk))
    const rest = cutter.rest()
    if (rest !== undefined) peer.receive([rest])
  }
  const readErr = async () => {
    for await (const chunk of child.stderr) tail.push(chunk)
    tail.end()
  }
  // A reader that fails ends the run: without it nobody would hear the child any more.
  const reading = [readOut(), readErr()].map((reader) =>
    reader.catch((error: unknown) => {
      if (!(error instanceof LineTooLong)) needs.onFault(error)
      kill(error instanceof Error ? error.message : String(error), 0)
    }),
  )

  let killing = false
  const kill = (why: string, graceMs: number = TIMERS.killGraceMs) => {
    reason ??= why
    if (graceMs <= 0) child.signal("SIGKILL")
    else if (!killing) {
      killing = true
      child.signal("SIGTERM")
      const hard = clock.after(graceMs, () => child.signal("SIGKILL"))
      child.exited.then(() => hard[Symbol.dispose]())
    }
    return ended
  }

  const end = async (): Promise<ChildEnd> => {
    const exit = await child.exited
    // Its own grandchildren may hold the pipe open: what it wrote itself is there already, so the wait is bounded.
    await withinMs(clock, TIMERS.killGraceMs, Promise.all(reading))
    const how = exit.signal === null ? `code ${exit.code}` : exit.signal
    peer.close(reason ?? `the child exited (${how})`)
    return reason === undefined ? exit : { ...exit, reason }
  }
  const ended = end()

  return { pid: child.pid, peer, ended, stderrTail: tail.text, kill }
}

function withinMs(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const net = clock.after(ms, resolve)
    work.then(() => {
      net[Symbol.dispose]()
      resolve()
    })
  })
}

function createTail(hear: (line: string) => void) {
  const cutter = createPieceCutter({ limitBytes: STDERR_LINE_BYTES })
  let kept: string[] = []
  let size = 0
  const take = (lines: string[]) => {
    for (const line of lines) {
      kept.push(line)
      size += line.length + 1
      hear(line)
    }
    if (size > 2 * TAIL_CHARACTERS) {
      kept = [cut(kept)]
      size = kept[0]?.length ?? 0
    }
  }
  const cut = (lines: string[]) => lines.join("\n").slice(-TAIL_CHARACTERS)
  return {
    push: (chunk: Uint8Array) => take(cutter.push(chunk)),
    end: () => {
      const rest = cutter.rest()
      if (rest !== undefined) take([rest])
    },
    text: () => cut(kept),
  }
}
