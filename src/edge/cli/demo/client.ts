// A client of the daemon as anybody could write it: JSON over HTTP, and frames over a websocket.

export interface Frame {
  type: string
  threadId: string | null
  /** Absent on `ready`, `pong` and `error`. */
  seq?: number
  at?: string
  /** False on a frame that can't be replayed. */
  stored?: boolean
  payload?: unknown
  /** The frame as it came. */
  text: string
}

/** Fields of a JSON object; none when it is no object. */
export const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? { ...value } : {}

export interface ClientNeeds {
  url: string
  headers: Record<string, string>
  connect(url: string, headers: Record<string, string>): WebSocket
}

export function createClient({ url, headers, connect }: ClientNeeds) {
  const ask = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { ...headers, "content-type": "application/json" },
      ...sent,
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`)
    return fieldsOf(JSON.parse(text))
  }
  return {
    get: (path: string) => ask("GET", path),
    post: (path: string, body: unknown) => ask("POST", path, body),
    /** Listens from now on; `hear` is called for every frame in order. */
    listen: (query: string, hear: (frame: Frame) => void = () => undefined) =>
      listen(connect(`${url.replace(/^http/, "ws")}/api/stream${query}`, headers), hear),
  }
}
export type Client = ReturnType<typeof createClient>

interface Waiter {
  test(frame: Frame): boolean
  found: PromiseWithResolvers<Frame>
}

/** True when the waiter has what it waits for, or its test failed. */
function settle({ test, found }: Waiter, frame: Frame): boolean {
  try {
    if (!test(frame)) return false
    found.resolve(frame)
  } catch (error) {
    found.reject(error)
  }
  return true
}

function listen(socket: WebSocket, hear: (frame: Frame) => void) {
  const frames: Frame[] = []
  const waiting = new Set<Waiter>()
  let gone: Error | undefined
  socket.addEventListener("message", ({ data }) => {
    const frame: Frame = { ...JSON.parse(String(data)), text: String(data) }
    frames.push(frame)
    hear(frame)
    for (const one of waiting) if (settle(one, frame)) waiting.delete(one)
  })
  socket.addEventListener("close", ({ code, reason }) => {
    gone = new Error(`the websocket was closed (${code}${reason ? `, ${reason}` : ""})`)
    for (const one of waiting) one.found.reject(gone)
    waiting.clear()
  })
  return {
    frames,
    /** The first frame, heard already or still to come, that fits. Rejects when the socket closes before. */
    async until(test: (frame: Frame) => boolean): Promise<Frame> {
      const heard = frames.find(test)
      if (heard) return heard
      if (gone) throw gone
      const found = Promise.withResolvers<Frame>()
      waiting.add({ test, found })
      return await found.promise
    },
    [Symbol.dispose]: () => socket.close(1000, "seen enough"),
  }
}
