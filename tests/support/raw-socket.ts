// A websocket client over node:net that can stop reading, speak to unix sockets, and says exactly what it got: for tests
// of the other side, on Bun and Node alike.

import { randomBytes } from "node:crypto"
import { connect } from "node:net"

export interface RawSocketNeeds {
  at: { port: number } | { path: string }
  /** Path and query. */
  target: string
  headers?: Record<string, string>
}

export interface RawSocket {
  /** Text frames received so far. */
  readonly texts: string[]
  /** Resolves when a received text matches; rejects when the socket ends before or the net runs out. */
  until(match: (text: string, index: number) => boolean, what?: string): Promise<string>
  /** Resolves with the count of texts when it is at least `count`. */
  untilCount(count: number): Promise<void>
  /** The close code: of the close frame, or 1006 without one. */
  readonly closed: Promise<number>
  send(text: string, opcode?: 1 | 2): void
  /** The other side's answer to a ping frame of ours. */
  ping(): Promise<void>
  /** Stops and starts reading from the kernel. */
  pause(): void
  resume(): void
  close(): void
  /** Ends the connection without a goodbye. */
  destroy(): void
}

const NET_MS = 60_000

/** Opens a websocket. Rejects with the status line when the answer is no upgrade. */
export async function openRawSocket({ at, target, headers = {} }: RawSocketNeeds): Promise<RawSocket> {
  const socket = "path" in at ? connect(at.path) : connect(at.port, "127.0.0.1")
  const texts: string[] = []
  const hearers = new Set<() => void>()
  const ended = Promise.withResolvers<number>()
  const opened = Promise.withResolvers<void>()
  let pongs = 0
  let code = 1006
  let isOpen = false
  let isOver = false
  let chunks: Uint8Array[] = []
  let size = 0
  let need = 0
  let partial = ""
  const wake = () => {
    for (const hear of [...hearers]) hear()
  }

  const takeHead = (bytes: Buffer): Buffer | undefined => {
    const end = bytes.indexOf("\r\n\r\n")
    if (end === -1) return undefined
    const head = bytes.subarray(0, end).toString()
    if (!head.startsWith("HTTP/1.1 101")) {
      opened.reject(new Error(head.split("\r\n")[0]))
      socket.destroy()
      return undefined
    }
    isOpen = true
    opened.resolve()
    return bytes.subarray(end + 4)
  }
  /** Takes whole frames off the front; returns what is left. */
  const takeFrames = (bytes: Buffer): Buffer => {
    let from = 0
    for (;;) {
      need = 0
      if (bytes.length - from < 2) break
      const short = (bytes[from + 1] ?? 0) & 0x7f
      const head = short === 126 ? 4 : short === 127 ? 10 : 2
      if (bytes.length - from < head) break
      const length =
        short === 126
          ? bytes.readUInt16BE(from + 2)
          : short === 127
            ? Number(bytes.readBigUInt64BE(from + 2))
            : short
      need = from + head + length
      if (bytes.length < need) break
      const first = bytes[from] ?? 0
      takeFrame(first & 0x0f, (first & 0x80) !== 0, bytes.subarray(from + head, need))
      from = need
    }
    need = Math.max(0, need - from)
    return bytes.subarray(from)
  }
  const takeFrame = (opcode: number, fin: boolean, payload: Buffer) => {
    if (opcode === 8) {
      code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005
      write(8, payload.subarray(0, 2))
    }
    if (opcode === 9) write(10, payload)
    if (opcode === 10) pongs++
    if (opcode > 2) return
    partial += payload.toString()
    if (!fin) return
    texts.push(partial)
    partial = ""
  }
  const write = (opcode: number, payload: Buffer) => {
    if (socket.destroyed) return
    const mask = randomBytes(4)
    const masked = Buffer.from(payload.map((byte, i) => byte ^ (mask[i & 3] ?? 0)))
    const n = payload.length
    const head = n < 126 ? [n | 0x80] : n < 65_536 ? [126 | 0x80, n >> 8, n & 0xff] : undefined
    if (head === undefined) throw new Error("a test's frame is short")
    socket.write(Buffer.concat([Buffer.from([0x80 | opcode, ...head]), mask, masked]))
  }

  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk)
    size += chunk.length
    if (isOpen && size < need) return
    let bytes: Buffer = Buffer.concat(chunks)
    if (!isOpen) {
      const rest = takeHead(bytes)
      if (rest === undefined) {
        chunks = [bytes]
        return
      }
      bytes = rest
    }
    const rest = takeFrames(bytes)
    chunks = [rest]
    size = rest.length
    wake()
  })
  const over = () => {
    isOver = true
    opened.reject(new Error("closed before the handshake"))
    ended.resolve(code)
    wake()
  }
  socket.on("error", over)
  socket.on("close", over)
  socket.on("end", () => socket.end())
  opened.promise.catch(() => {})

  const lines = Object.entries({
    host: "127.0.0.1",
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-key": randomBytes(16).toString("base64"),
    "sec-websocket-version": "13",
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`GET ${target} HTTP/1.1\r\n${lines.join("")}\r\n`)
  await opened.promise

  const wait = (what: string, done: () => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(net)
        hearers.delete(look)
      }
      const fail = (why: string) => {
        stop()
        reject(
          new Error(`${why} waiting for ${what}; got ${texts.length}, last: ${texts.at(-1)?.slice(0, 200)}`),
        )
      }
      const look = () => {
        if (done()) {
          stop()
          resolve()
        } else if (isOver) fail(`closed with ${code}`)
      }
      const net = setTimeout(() => fail("deadline"), NET_MS)
      hearers.add(look)
      look()
    })

  return {
    texts,
    async until(match, what = "a frame") {
      let at = 0
      let found: string | undefined
      await wait(what, () => {
        for (; at < texts.length && found === undefined; at++)
          if (match(texts[at] ?? "", at)) found = texts[at]
        return found !== undefined
      })
      return found ?? ""
    },
    untilCount: (count) => wait(`${count} frames`, () => texts.length >= count),
    closed: ended.promise,
    send: (text, opcode = 1) => write(opcode, Buffer.from(text)),
    async ping() {
      const before = pongs
      write(9, Buffer.from("p"))
      await wait("a pong", () => pongs > before)
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    close: () => write(8, Buffer.from([0x03, 0xe8])),
    destroy: () => void socket.destroy(),
  }
}
