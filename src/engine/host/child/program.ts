// The host: a child of the daemon in which extensions live, one thread each. Its main thread runs none of their code, so it
// always answers; it ends threads that hang or flood and says when only its own end will help. It dies with the daemon.

import type { Clock } from "../../../base/kit/clock.ts"
import { TIMERS } from "../../../base/kit/timers.ts"
import type { WorkerThread } from "../../../base/platform/port.ts"
import type { Self } from "../../../base/platform/self.ts"
import type { FromHost, FromThread, ToHost, ToThread } from "../link/wire.ts"
import { LOG_CREDIT } from "./log-tool.ts"

export interface ProgramNeeds {
  self: Self
  clock: Clock
  startThread(): WorkerThread
}

/** After its limit a thread whose loop still turns has said so; one that is silent for this long is hung. */
const SILENCE_MS = 15
/** A terminated thread has ended within this, or hangs in code that is no JavaScript (measured: worst 130 ms). */
const TERMINATE_MS = 200
/** Messages of a thread that may be unread at a time: lines of log, calls, and one for every handler that runs. */
const MAX_UNPAID = LOG_CREDIT + 512
/** Lines of log given back a second. */
const LINES_A_SECOND = 100

type Why = Extract<FromHost, { t: "gone" }>["why"]

interface Thread {
  worker: WorkerThread
  running: Map<number, Disposable>
  loading: Disposable | undefined
  /** Messages since credit was given last. */
  heard: number
  ended: boolean
}

/** Serves the daemon at the other end of the pipes until they close; then this process ends at once. */
export function serveHost({ self, clock, startThread }: ProgramNeeds): void {
  const threads = new Map<number, Thread>()
  let word = ""
  let limitMib = Number.POSITIVE_INFINITY

  const say = (message: FromHost) => void self.say(`${word}${JSON.stringify(message)}\n`)

  function load({ w, name, entry, ms }: Extract<ToHost, { t: "load" }>): void {
    const worker = startThread()
    const loading = clock.after(ms, () => end(w, "hung", `it did not load within ${ms} ms`))
    const thread: Thread = { worker, running: new Map(), loading, heard: 0, ended: false }
    threads.set(w, thread)
    worker.onMessage((message) => hear(w, thread, message as FromThread))
    worker.onExit((reason) => died(w, thread, reason))
    post(thread, { t: "load", name, entry })
  }

  const post = ({ worker }: Thread, message: ToThread) => worker.post(message)

  function run({ w, id, h, ms, type, payload }: Extract<ToHost, { t: "run" }>): void {
    const thread = threads.get(w)
    if (!thread) {
      say({ t: "threw", id, error: "its extension is not running" })
      return
    }
    const limit = clock.after(ms + SILENCE_MS, () =>
      end(w, "hung", `a handler did not return within ${ms} ms`),
    )
    thread.running.set(id, limit)
    post(thread, { t: "run", id, h, ms, type, payload })
  }

  function hear(w: number, thread: Thread, message: FromThread): void {
    if (thread.ended) return
    if (++thread.heard > MAX_UNPAID) {
      end(w, "flooded", "it sent more messages than it may")
      return
    }
    switch (message.t) {
      case "loaded":
      case "failed":
        thread.loading?.[Symbol.dispose]()
        say({ ...message, w })
        break
      case "done":
      case "threw":
      case "timeout":
        thread.running.get(message.id)?.[Symbol.dispose]()
        if (thread.running.delete(message.id)) say(message)
        thread.heard--
        break
      default:
        say({ ...message, w } as FromHost)
    }
  }

  function end(w: number, why: Why, reason: string): void {
    const thread = threads.get(w)
    if (!thread || thread.ended) return
    quiet(thread)
    const late = clock.after(TERMINATE_MS, () => say({ t: "stuck", w }))
    void thread.worker.terminate().then(() => {
      late[Symbol.dispose]()
      threads.delete(w)
      say({ t: "gone", w, why, reason })
    })
  }

  function died(w: number, thread: Thread, reason: string | undefined): void {
    if (thread.ended) return
    quiet(thread)
    threads.delete(w)
    say({ t: "gone", w, why: "died", reason: reason ?? "its thread ended by itself" })
  }

  function quiet(thread: Thread): void {
    thread.ended = true
    thread.loading?.[Symbol.dispose]()
    for (const limit of thread.running.values()) limit[Symbol.dispose]()
  }

  /** What runs may not take more than the host may have; what is idle is looked at now and then. */
  let idle = 0
  function glance(): void {
    const busy = [...threads.values()].some(({ running, loading }) => running.size > 0 || loading)
    idle = busy ? 0 : idle + 1
    if (busy || idle % TIMERS.hostIdleGlances === 0) {
      const mib = self.residentBytes() / 2 ** 20
      if (mib > limitMib) say({ t: "memory", mib: Math.round(mib) })
    }
  }

  function credit(): void {
    for (const thread of threads.values()) {
      if (thread.heard === 0) continue
      thread.heard = Math.max(0, thread.heard - LINES_A_SECOND)
      if (!thread.ended) post(thread, { t: "credit", lines: LINES_A_SECOND })
    }
  }

  self.hear(
    (line) => {
      const message = JSON.parse(line) as ToHost
      switch (message.t) {
        case "hello":
          word = message.word
          limitMib = message.memoryMib
          return say({ t: "up" })
        case "load":
          return load(message)
        case "run":
          return run(message)
        case "unload":
          return end(message.w, "unloaded", "it was unloaded")
        case "ping":
          return say({ t: "pong", n: message.n })
        case "answer": {
          const thread = threads.get(message.w)
          if (!thread || thread.ended) return
          thread.heard = Math.max(0, thread.heard - 1)
          return post(thread, message)
        }
      }
    },
    () => self.die(),
  )
  clock.every(TIMERS.hostGlanceMs, glance)
  clock.every(TIMERS.hostCreditMs, credit)
}
