// Listening on Bun: Bun.serve with its own websockets. A topic belongs to one server, so `publish` goes to every server
// that has sockets (decisions 8). A socket that lags is closed by Bun after a contiguous prefix (decisions 7).

import { isLoopback, urlOf } from "./address.ts"
import { createDoor } from "./door.ts"
import { within } from "./grace.ts"
import type { Listener, ListenSpec, Peer, Socket, SocketData } from "./port.ts"

/** Longest websocket message of a client: commands are short. */
const MAX_COMMAND_BYTES = 64 * 1024
/** A request that nobody holds open is cut when quiet for this long. */
const IDLE_S = 30
/** A socket is pinged when quiet and dropped when it doesn't answer for this long. */
const SOCKET_IDLE_S = 120

/** What Bun keeps with a socket: the port's data, and the port's view of the socket, made when it opened. */
interface Kept {
  data: SocketData
  socket: Socket | undefined
}
type Server = Bun.Server<Kept>
type BunSocket = Bun.ServerWebSocket<Kept>

export function createBunListening() {
  const sockets = new Map<Server, number>()
  return {
    listen: async (spec: ListenSpec): Promise<Listener> => listenOn(spec, sockets),
    publish(topic: string, text: string): void {
      for (const [server, open] of sockets) if (open > 0) server.publish(topic, text)
    },
  }
}

function listenOn(spec: ListenSpec, sockets: Map<Server, number>): Listener {
  const { at } = spec
  const door = createDoor(spec)
  const isUnix = "path" in at
  // Kept for `stop`: Bun closes sockets without a goodbye.
  const open = new Set<BunSocket>()
  const server: Server = Bun.serve<Kept>({
    ...(isUnix ? { unix: at.path } : { hostname: at.host, port: at.port, idleTimeout: IDLE_S }),
    // Above our own limit, so that a long body reaches our refusal and its JSON instead of Bun's empty 413.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch: (request: Request, server: Server) => door(request, peerOf(request, server, isUnix)),
    websocket: websocketOf(spec, open, (by) => sockets.set(server, (sockets.get(server) ?? 0) + by)),
  } as Bun.Serve.Options<Kept>)
  sockets.set(server, 0)
  const port = isUnix ? 0 : (server.port ?? 0)
  return {
    port,
    url: isUnix ? `unix:${at.path}` : urlOf(at.host, port),
    async stop(graceMs) {
      for (const socket of open) socket.close(1012, "the server is stopping, come back")
      await within(graceMs, server.stop(false))
      sockets.delete(server)
      await server.stop(true)
    },
  }
}

function websocketOf(
  { socket: handlers, maxLagBytes }: ListenSpec,
  open: Set<BunSocket>,
  count: (by: number) => void,
): Bun.WebSocketHandler<Kept> {
  const of = (ws: BunSocket): Socket => {
    ws.data.socket ??= socketOf(ws)
    return ws.data.socket
  }
  return {
    backpressureLimit: maxLagBytes,
    closeOnBackpressureLimit: true,
    maxPayloadLength: MAX_COMMAND_BYTES,
    sendPings: true,
    idleTimeout: SOCKET_IDLE_S,
    open(ws) {
      open.add(ws)
      count(1)
      handlers.open(of(ws))
    },
    message: (ws, message) =>
      handlers.message(of(ws), typeof message === "string" ? message : message.toString("utf8")),
    drain: (ws) => handlers.drain(of(ws)),
    close(ws, code, reason) {
      open.delete(ws)
      count(-1)
      handlers.close(of(ws), code, reason)
    },
  }
}

function peerOf(request: Request, server: Server, isUnix: boolean): Peer {
  // Asked now: Bun forgets it when the answer is out.
  const address = isUnix ? "unix" : (server.requestIP(request)?.address ?? "")
  return {
    address,
    loopback: isLoopback(address),
    upgrade: (data) => server.upgrade(request, { data: { data, socket: undefined } }),
    holdOpen: () => server.timeout(request, 0),
    // Bun counts in steps of 4 s; every byte taken begins anew.
    letGo: (graceMs) => server.timeout(request, Math.ceil(graceMs / 1_000)),
  }
}

const socketOf = (ws: BunSocket): Socket => ({
  data: ws.data.data,
  // -1: the bytes wait for a drain; 0: the socket is gone.
  send: (text) => ws.sendText(text) > 0,
  waiting: () => ws.getBufferedAmount(),
  subscribe: (topic) => ws.subscribe(topic),
  unsubscribe: (topic) => ws.unsubscribe(topic),
  close: (code, reason) => ws.close(code, reason),
})
