// The websockets of one listener on Node: who is open, who is on which topic, and who lags too far.

import type { IncomingMessage } from "node:http"
import type { Duplex } from "node:stream"
import { type WebSocket, WebSocketServer } from "ws"
import type { ListenSpec, Socket, SocketData } from "./port.ts"

const MAX_COMMAND_BYTES = 64 * 1024
/** The kernel asks a quiet peer whether it is still there after this long. */
const KEEP_ALIVE_MS = 60_000

interface Upgrade {
  incoming: IncomingMessage
  raw: Duplex
  head: Buffer
  data: SocketData
}

/** One socket's side of sending. */
interface Line {
  ws: WebSocket
  put(bytes: Buffer): boolean
}

export function createNodeSockets({ socket: handlers, maxLagBytes }: ListenSpec) {
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_COMMAND_BYTES,
    clientTracking: false,
  })
  const open = new Set<WebSocket>()
  const topics = new Map<string, Set<Line>>()

  const isUpgrade = ({ method, headers }: IncomingMessage): boolean =>
    method === "GET" &&
    headers.upgrade?.toLowerCase() === "websocket" &&
    headers["sec-websocket-version"] === "13" &&
    headers["sec-websocket-key"] !== undefined

  const leave = (topic: string, line: Line) => {
    const lines = topics.get(topic)
    lines?.delete(line)
    if (lines?.size === 0) topics.delete(topic)
  }
  const enter = (topic: string, line: Line) => {
    const lines = topics.get(topic) ?? new Set<Line>()
    lines.add(line)
    topics.set(topic, lines)
  }

  const attach = (ws: WebSocket, data: SocketData) => {
    const own = new Set<string>()
    const line = lineOf(ws, maxLagBytes, () => handlers.drain(socket))
    const socket: Socket = {
      data,
      send: (text) => line.put(Buffer.from(text)),
      subscribe(topic) {
        own.add(topic)
        enter(topic, line)
      },
      waiting: () => ws.bufferedAmount,
      unsubscribe(topic) {
        own.delete(topic)
        leave(topic, line)
      },
      close: (code, reason) => ws.close(code, reason),
    }
    open.add(ws)
    ws.on("message", (bytes) => handlers.message(socket, bytes.toString()))
    // `close` follows and says all there is to say.
    ws.on("error", () => ws.terminate())
    ws.on("close", (code, reason) => {
      open.delete(ws)
      for (const topic of own) leave(topic, line)
      handlers.close(socket, code, reason.toString())
    })
    handlers.open(socket)
  }

  return {
    isUpgrade,
    /** Finishes the handshake. False when this is no websocket upgrade. */
    accept({ incoming, raw, head, data }: Upgrade): boolean {
      if (!isUpgrade(incoming)) return false
      incoming.socket.setKeepAlive(true, KEEP_ALIVE_MS)
      server.handleUpgrade(incoming, raw, head, (ws) => attach(ws, data))
      return true
    },
    publish(topic: string, text: string): void {
      const lines = topics.get(topic)
      if (lines === undefined) return
      const bytes = Buffer.from(text)
      for (const line of lines) line.put(bytes)
    },
    /** Says goodbye to all; resolves when they have gone. */
    async closeAll(): Promise<void> {
      const ends = [...open].map((ws) => new Promise<unknown>((resolve) => ws.once("close", resolve)))
      for (const ws of open) ws.close(1012, "the server is stopping, come back")
      await Promise.all(ends)
    },
    terminateAll(): void {
      for (const ws of open) ws.terminate()
    },
  }
}
export type NodeSockets = ReturnType<typeof createNodeSockets>

/** Sends in order; one frame too many ends the socket before that frame, so what it got is a contiguous prefix. */
function lineOf(ws: WebSocket, maxLagBytes: number, drained: () => void): Line {
  let waits = false
  const written = () => {
    if (!waits || ws.bufferedAmount > 0) return
    waits = false
    drained()
  }
  return {
    ws,
    put(bytes) {
      if (ws.readyState !== ws.OPEN) return false
      if (ws.bufferedAmount > maxLagBytes) {
        ws.terminate()
        return false
      }
      ws.send(bytes, { binary: false }, written)
      if (ws.bufferedAmount > 0) waits = true
      return !waits
    },
  }
}
