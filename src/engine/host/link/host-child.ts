// One host as the daemon holds it: a child process of its own. It is started, spoken to, asked for signs of life while
// something runs in it, and killed when it gives none. Its end is told once, with what is known about the cause.

import type { Clock } from "../../../base/kit/clock.ts"
import { newSecret } from "../../../base/kit/ids.ts"
import { TIMERS } from "../../../base/kit/timers.ts"
import type { Platform } from "../../../base/platform/port.ts"
import { type FromHost, readMessage, type ToHost } from "./wire.ts"

export interface HostCommand {
  command: string[]
  cwd: string
  env: Record<string, string>
  memoryMib: number
}

export interface HostChildNeeds extends HostCommand {
  platform: Pick<Platform, "spawn">
  clock: Clock
  hear(message: FromHost): void
  /** What something printed that is no message, e.g. native code. */
  printed(text: string): void
  /** `reason` is ours where we killed it. */
  ended(reason: string): void
}

export interface HostChild {
  /** Resolves when it can be told to load; rejects when it ends before. */
  readonly up: Promise<void>
  /** False when it has ended, or reads so little that too much waits already. */
  send(message: ToHost): boolean
  /** From now on until the count is back to 0 it must answer pings. */
  busy(change: 1 | -1): void
  /** Kills it and all that it started. */
  kill(reason: string): void
  readonly ended: Promise<void>
  readonly pid: number
}

/** Bytes that wait for the pipe before a host counts as one that doesn't read. */
const MAX_WAITING = 32 * 1024 * 1024
/** A longer line is none of ours. */
const MAX_LINE = 8 * 1024 * 1024

/** Throws when the program can't be started. */
export function startHostChild(needs: HostChildNeeds): HostChild {
  const { platform, clock, command, cwd, env, memoryMib, hear } = needs
  const word = `${newSecret().slice(0, 16)} `
  const child = platform.spawn({ command, cwd, env })
  const up = Promise.withResolvers<void>()
  up.promise.catch(() => undefined)
  let reason: string | undefined
  let waiting = ""
  let writing = false
  let gone = false

  async function write(): Promise<void> {
    if (writing) return
    writing = true
    try {
      while (waiting !== "" && !gone) {
        const text = waiting
        waiting = ""
        await child.write(text)
      }
    } catch {
      // Its exit says what happened.
    } finally {
      writing = false
    }
  }

  function send(message: ToHost): boolean {
    if (gone || waiting.length > MAX_WAITING) return false
    waiting += `${JSON.stringify(message)}\n`
    void write()
    return true
  }

  function kill(why: string): void {
    reason ??= why
    gone = true
    child.signal("SIGKILL")
  }

  const life = watchLife({
    clock,
    ping: (n) => send({ t: "ping", n }),
    silent: () => kill("it gave no sign of life"),
  })

  function line(text: string): void {
    const at = text.indexOf(word)
    if (at !== 0) needs.printed(at < 0 ? text : text.slice(0, at))
    if (at < 0) return
    life.sign()
    const message = readMessage(text.slice(at + word.length))
    if (!message) needs.printed("an unreadable message")
    else if (message.t === "up") up.resolve()
    else if (message.t !== "pong") hear(message)
  }

  const reading = readLines(child.stdout, line, () => kill("it wrote a line without end"))
  void readLines(child.stderr, needs.printed, () => undefined)
  const ended = child.exited.then(async ({ code, signal }) => {
    gone = true
    life.over()
    await reading
    const why = reason ?? (signal ? `it was ended by ${signal}` : `it ended with code ${code}`)
    up.reject(new Error(`the extension host did not come up: ${why}`))
    needs.ended(why)
  })
  send({ t: "hello", word, memoryMib })
  return { up: up.promise, send, busy: life.busy, kill, ended, pid: child.pid }
}

/** Pings while something runs. */
function watchLife({ clock, ping, silent }: { clock: Clock; ping(n: number): void; silent(): void }) {
  let running = 0
  let asked: number | undefined
  let timer: Disposable | undefined
  let pings = 0
  function look(): void {
    if (asked !== undefined) {
      if (clock.mono() - asked > TIMERS.hostSilenceMs) silent()
      return
    }
    asked = clock.mono()
    ping(++pings)
  }
  function stop(): void {
    timer?.[Symbol.dispose]()
    timer = undefined
    asked = undefined
  }
  return {
    sign(): void {
      asked = undefined
    },
    busy(change: 1 | -1): void {
      running += change
      if (running > 0) timer ??= clock.every(TIMERS.hostPingMs, look)
      else stop()
    },
    over: stop,
  }
}

async function readLines(
  bytes: AsyncIterable<Uint8Array>,
  line: (text: string) => void,
  endless: () => void,
): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ""
  try {
    for await (const chunk of bytes) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n")
      rest = lines.pop() ?? ""
      for (const one of lines) line(one)
      if (rest.length > MAX_LINE) {
        rest = ""
        endless()
      }
    }
  } catch {
    // The pipe broke: the exit says the rest.
  }
}
