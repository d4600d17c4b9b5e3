// Everything a listener was ever told, over all lives of the daemon: each frame's text by its seq. A frame that comes
// again must be the same bytes; a new one must come after all before it. What it finds wrong it keeps as a violation.

import { within } from "../daemon.ts"

export interface Taped {
  seq: number
  type: string
  threadId: string | null
  payload: Record<string, unknown>
  stored: boolean
  /** The life of the daemon and child in which it came first. */
  life: number
  text: string
}
export interface Ready {
  log: string
  head: string
  resume: "ok" | "gap"
}
export interface Played {
  ready: Ready
  /** `SEQ text` in the order they came. */
  frames: { seq: number; text: string }[]
}

export type Tape = ReturnType<typeof createTape>

export function createTape() {
  const frames: Taped[] = []
  const bySeq = new Map<number, Taped>()
  const violations: string[] = []
  const hearers = new Set<(frame: Taped) => void>()
  let log: string | undefined
  let life = 0
  let socket: WebSocket | undefined
  let lost: string | undefined

  function take(text: string): void {
    const told = JSON.parse(text)
    if (typeof told.seq !== "number") return
    const known = bySeq.get(told.seq)
    if (known) {
      const same = known.text === text
      violations.push(
        `seq ${told.seq} came twice to one listener${same ? "" : `, and differs:\n  ${known.text}\n  ${text}`}`,
      )
      return
    }
    const last = frames.at(-1)?.seq ?? 0
    if (told.seq < last) violations.push(`seq ${told.seq} came after ${last}: ${text}`)
    const { seq, type, threadId, payload } = told
    const frame = { seq, type, threadId, payload, stored: told.stored !== false, life, text }
    frames.push(frame)
    bySeq.set(seq, frame)
    for (const hear of [...hearers]) hear(frame)
  }

  /** Listens to a daemon from where the tape ends until it is cut. Resolves when the daemon has said ready. */
  async function follow(url: string): Promise<Ready> {
    const since = log === undefined ? "" : `?since=${log}.${frames.at(-1)?.seq ?? 0}`
    const opened = Promise.withResolvers<Ready>()
    const ws = new WebSocket(`${url.replace("http", "ws")}/api/stream${since}`)
    socket = ws
    lost = undefined
    ws.onmessage = ({ data }) => {
      const text = String(data)
      if (!text.startsWith('{"type":"ready"')) return take(text)
      const ready = JSON.parse(text) as Ready
      if (log !== undefined && (ready.resume !== "ok" || ready.log !== log)) {
        violations.push(`the listener came back with ${since} and was told ${text}`)
      }
      log = ready.log
      opened.resolve(ready)
    }
    ws.onclose = ({ code, reason }) => {
      opened.reject(new Error(`the websocket was closed: ${code} ${reason}`))
      if (ws === socket) lost = `${code} ${reason}`
    }
    return within(opened.promise, () => "ready on the websocket")
  }

  /** The first frame from index `from` on that fits; waits for it. */
  function until(fits: (frame: Taped) => boolean, what: string, from = 0): Promise<Taped> {
    const found = frames.slice(from).find(fits)
    if (found) return Promise.resolve(found)
    const { promise, resolve } = Promise.withResolvers<Taped>()
    const hear = (frame: Taped) => {
      if (fits(frame)) resolve(frame)
    }
    hearers.add(hear)
    const last = () =>
      `${what}${lost ? ` (the listener was closed: ${lost})` : ""}; last: ${frames.slice(-3).map((f) => f.text.slice(0, 300))}`
    return within(promise, last).finally(() => hearers.delete(hear))
  }

  return {
    frames,
    violations,
    follow,
    until,
    hear(hear: (frame: Taped) => void): Disposable {
      hearers.add(hear)
      return { [Symbol.dispose]: () => void hearers.delete(hear) }
    },
    get log() {
      return log ?? ""
    },
    nextLife: () => ++life,
    get life() {
      return life
    },
    stop: () => socket?.close(),
  }
}

/** Plays the log from `since` up to the frame `last` with a listener of its own. */
export async function play(url: string, query: string, last: number): Promise<Played> {
  const ws = new WebSocket(`${url.replace("http", "ws")}/api/stream?${query}`)
  const frames: Played["frames"] = []
  let ready: Ready | undefined
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  ws.onmessage = ({ data }) => {
    const text = String(data)
    const told = JSON.parse(text)
    if (told.type === "ready") {
      ready = told
      if (told.resume !== "ok") resolve()
    } else if (typeof told.seq === "number") {
      frames.push({ seq: told.seq, text })
      if (told.seq >= last) resolve()
    }
  }
  ws.onclose = () => reject(new Error("the websocket of a replay was closed"))
  try {
    await within(promise, () => `a replay of ${query} up to ${last}; at ${frames.at(-1)?.seq}`)
    if (!ready) throw new Error("a replay without ready")
    return { ready, frames: frames.filter((frame) => frame.seq <= last) }
  } finally {
    ws.close()
  }
}
