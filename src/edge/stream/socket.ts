// The websocket door: parses what a listener asks for, upgrades, and answers its few commands (wire-contract §2.1).

import type { Peer, Socket, SocketHandlers } from "../../base/platform/port.ts"
import type { Hub } from "./hub.ts"
import type { Listener, Outlet, Wish } from "./listener.ts"
import { noRoom, type Pass } from "./pass.ts"
import { parseCommand } from "./wire/commands.ts"
import { parseQuery } from "./wire/query.ts"

/** Lies in SocketData.listener: first what was asked for, then who listens. */
interface Seat {
  wish: Wish
  since: string | undefined
  listener: Listener | undefined
  pass: Pass | undefined
  /** Ends with the socket. */
  held: Disposable | undefined
}

const PONG = '{"type":"pong"}'
const INVALID = '{"type":"error","message":"invalid websocket command"}'
/** The close code that no side sent: cut for lagging, or the network is gone. */
const NO_CLOSE_FRAME = 1006

export function createSockets(hub: Hub) {
  /**
   * Answers `GET /api/stream`. Undefined: the request became a websocket. A request that is no upgrade is 426; an unknown
   * family throws fault `invalid_request`.
   */
  const openStream = (request: Request, peer: Peer, pass?: Pass): Response | undefined => {
    const { wish, since } = parseQuery(request.url)
    if (!hub.hasRoom()) throw noRoom()
    const seat: Seat = { wish, since, listener: undefined, pass, held: undefined }
    return peer.upgrade({ listener: seat }) ? undefined : upgradeRequired()
  }

  const handlers: SocketHandlers = {
    open(socket) {
      const seat = seatOf(socket)
      const listener = hub.join(outletOf(socket), seat.wish, seat.since)
      seat.listener = listener
      seat.held = seat.pass?.whileHeld(() => hub.expel(listener))
    },
    message(socket, text) {
      const { listener } = seatOf(socket)
      if (listener !== undefined) obey(listener, socket, text)
    },
    drain(socket) {
      const { listener } = seatOf(socket)
      if (listener !== undefined) hub.drained(listener)
    },
    close(socket, code) {
      const { listener, held } = seatOf(socket)
      held?.[Symbol.dispose]()
      if (listener !== undefined) hub.left(listener, code === NO_CLOSE_FRAME)
    },
  }

  const obey = (listener: Listener, socket: Socket, text: string) => {
    const command = parseCommand(text)
    if (command === undefined) return socket.send(INVALID)
    const { families } = listener.wish
    switch (command.type) {
      case "ping":
        return socket.send(PONG)
      case "subscribe":
        return hub.want(listener, { thread: command.threadId, families: command.families ?? families })
      case "unsubscribe":
        return hub.want(listener, { thread: null, families })
    }
  }
  return { openStream, handlers }
}
export type Sockets = ReturnType<typeof createSockets>

const seatOf = (socket: Socket): Seat => socket.data.listener as Seat

const outletOf = (socket: Socket): Outlet => ({
  kind: "socket",
  send: (text) => socket.send(text),
  lag: () => socket.waiting(),
  cut: (code, reason) => socket.close(code, reason),
  topics: socket,
})

function upgradeRequired(): Response {
  const message = "this is a websocket: send an upgrade request, or read /api/events"
  return Response.json(
    { status: "error", code: "upgrade_required", message },
    { status: 426, headers: { connection: "Upgrade", upgrade: "websocket" } },
  )
}
