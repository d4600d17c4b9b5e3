// Websocket listeners in a process of their own, on bare sockets so that they take little of the machine: every frame is
// looked at (its seq grows, its delta is the next one), none is made into a string. listeners.ts PORT TARGET COUNT

import { openMeter } from "./meter.ts"

const [port, target, count] = process.argv.slice(2)
const SEQ = Buffer.from('"seq":')
const NOTIFICATION = Buffer.from('{"type":"notification"')
const DELTA = Buffer.from('"method":"item/agentMessage/delta"')
const END = Buffer.from('"method":"turn/completed"')
const TEXT = Buffer.from('"delta":"')
const UPGRADED = Buffer.from("\r\n\r\n")

/** Where `needle` ends in the frame: looked for at its usual place first. */
function after(
  needle: Buffer,
  bytes: Buffer,
  { from, end, usual }: { from: number; end: number; usual: number },
) {
  let at = from + usual
  let same = at + needle.length <= end
  for (let i = 0; same && i < needle.length; i++) same = bytes[at + i] === needle[i]
  if (!same) at = bytes.indexOf(needle, from)
  return at < 0 || at >= end ? -1 : at + needle.length
}

function startsWith(needle: Buffer, bytes: Buffer, at: number) {
  for (let i = 0; i < needle.length; i++) if (bytes[at + i] !== needle[i]) return false
  return true
}

/** The digits at `at`, and where they end. */
const read = { value: 0, end: 0 }
function digits(bytes: Buffer, at: number) {
  let value = 0
  let i = at
  for (let digit = (bytes[i] ?? 0) - 48; digit >= 0 && digit <= 9; digit = (bytes[i] ?? 0) - 48) {
    value = value * 10 + digit
    i++
  }
  read.value = value
  read.end = i
}

interface Places {
  seq: number
  method: number
  text: number
}

/** One listener. `ended` is called at the end of each turn. */
function openListener(ended: () => void) {
  const meter = openMeter()
  const places: Record<"own" | "other", Places> = {
    own: { seq: 0, method: 0, text: 0 },
    other: { seq: 0, method: 0, text: 0 },
  }
  let lastSeq = 0
  let rest: Buffer | undefined

  const frame = (bytes: Buffer, from: number, end: number) => {
    const isNotification = startsWith(NOTIFICATION, bytes, from)
    const at = places[isNotification ? "own" : "other"]
    const seqAt = after(SEQ, bytes, { from, end, usual: at.seq })
    // `ready` has none.
    if (seqAt < 0) return
    meter.frame(end - from)
    at.seq = seqAt - SEQ.length - from
    digits(bytes, seqAt)
    if (read.value <= lastSeq) throw new Error(`seq ${read.value} after ${lastSeq}`)
    lastSeq = read.value
    if (isNotification) notification(bytes, read.end, end)
  }
  const notification = (bytes: Buffer, from: number, end: number) => {
    const method = after(DELTA, bytes, { from, end, usual: places.own.method })
    if (method < 0) {
      if (after(END, bytes, { from, end, usual: 0 }) < 0) return
      meter.end()
      return ended()
    }
    places.own.method = method - DELTA.length - from
    const text = after(TEXT, bytes, { from: method, end, usual: places.own.text })
    places.own.text = text - TEXT.length - method
    digits(bytes, text)
    const stamped = bytes[read.end + 1] === 0x40
    meter.delta(read.value, stamped ? bytes.toString("latin1", read.end + 1, read.end + 30) : undefined)
  }

  return {
    take: meter.take,
    hear(chunk: Buffer) {
      const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk])
      let at = 0
      while (at + 2 <= bytes.length) {
        const short = bytes[at + 1] ?? 0
        const head = short < 126 ? 2 : short === 126 ? 4 : 10
        if (at + head > bytes.length) break
        const length =
          short < 126
            ? short
            : short === 126
              ? bytes.readUInt16BE(at + 2)
              : Number(bytes.readBigUInt64BE(at + 2))
        const end = at + head + length
        if (end > bytes.length) break
        if (bytes[at] === 0x81) frame(bytes, at + head, end)
        else if (bytes[at] === 0x88) throw new Error("the server closed a listener")
        at = end
      }
      rest = at === bytes.length ? undefined : Buffer.from(bytes.subarray(at))
    },
  }
}

let running = 0
const all: ReturnType<typeof openListener>[] = []

function finish() {
  if (--running > 0) return
  running = all.length
  // After the chunk in hand: a turn's end may not be the last frame of it.
  setImmediate(() => process.send?.(all.map((listener) => listener.take())))
}

async function connect() {
  const listener = openListener(finish)
  all.push(listener)
  running++
  const { promise, resolve } = Promise.withResolvers<void>()
  let upgraded = false
  const closed = () => {
    process.stderr.write("a listener was cut\n")
    process.exit(1)
  }
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(port),
    socket: {
      data(_, chunk) {
        if (upgraded) return listener.hear(chunk)
        const end = chunk.indexOf(UPGRADED)
        if (end < 0 || !chunk.toString("latin1").startsWith("HTTP/1.1 101")) throw new Error(chunk.toString())
        upgraded = true
        resolve()
        listener.hear(chunk.subarray(end + UPGRADED.length))
      },
      close: closed,
      error: closed,
    },
  })
  const host = `127.0.0.1:${port}`
  socket.write(
    `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  )
  await promise
}

for (let i = 0; i < Number(count); i++) await connect()
process.send?.("ready")
