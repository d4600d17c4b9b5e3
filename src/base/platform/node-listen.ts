// Listening on Node: @hono/node-server for requests, `ws` for websockets, topics in a map. The promises are Bun's: a socket
// that lags is ended after a contiguous prefix, never skipped; `send` says when to wait and `drain` when to go on.

import { createServer, type IncomingMessage, type Server } from "node:http"
import type { Duplex } from "node:stream"
import { getRequestListener, type HttpBindings } from "@hono/node-server"
import { isLoopback, urlOf } from "./address.ts"
import { createDoor } from "./door.ts"
import { within } from "./grace.ts"
import { createNodeSockets, type NodeSockets } from "./node-sockets.ts"
import type { Listener, ListenSpec, Peer } from "./port.ts"

/** How long a socket may take to answer a close frame, or the end of a refused upgrade. */
const GOODBYE_MS = 500
/** Headers come within this, a request's last byte within the other; what is quiet between requests is cut. */
const HEADERS_MS = 15_000
const REQUEST_MS = 300_000
const QUIET_MS = 30_000
const MOST_CONNECTIONS = 8_192

export function createNodeListening() {
  const listeners = new Set<NodeSockets>()
  return {
    async listen(spec: ListenSpec): Promise<Listener> {
      const sockets = createNodeSockets(spec)
      const listener = await listenOn(spec, sockets, () => listeners.delete(sockets))
      listeners.add(sockets)
      return listener
    },
    publish(topic: string, text: string): void {
      for (const sockets of listeners) sockets.publish(topic, text)
    },
  }
}

async function listenOn(spec: ListenSpec, sockets: NodeSockets, stopped: () => void): Promise<Listener> {
  const { at } = spec
  const isUnix = "path" in at
  const door = createDoor(spec)
  const answer = getRequestListener(
    (request, bindings) => {
      const { incoming } = bindings as HttpBindings
      return door(
        request,
        peerOf(incoming, isUnix, () => false),
      )
    },
    { overrideGlobalObjects: false },
  )
  // Other upgrades (h2c) are ordinary requests.
  const shouldUpgradeCallback = (incoming: IncomingMessage) => sockets.isUpgrade(incoming)
  const server = createServer(
    {
      shouldUpgradeCallback,
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: QUIET_MS,
    },
    (incoming, outgoing) => void answer(incoming, outgoing),
  )
  server.maxConnections = MOST_CONNECTIONS
  server.on("upgrade", (incoming, raw, head) => {
    const upgrade: Peer["upgrade"] = (data) => sockets.accept({ incoming, raw, head, data })
    void answerUpgrade(incoming, raw, (request) => door(request, peerOf(incoming, isUnix, upgrade)))
  })
  await opened(server, at)
  const bound = server.address()
  const port = bound !== null && typeof bound === "object" ? bound.port : 0
  return {
    port,
    url: isUnix ? `unix:${at.path}` : urlOf(at.host, port),
    async stop(graceMs) {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
      server.closeIdleConnections()
      // A socket that doesn't say goodbye in turn must not hold up the rest.
      const parted = within(Math.min(graceMs, GOODBYE_MS), sockets.closeAll()).then(sockets.terminateAll)
      await within(graceMs, Promise.all([closed, parted]))
      sockets.terminateAll()
      server.closeAllConnections()
      await closed
      stopped()
    },
  }
}

const opened = (server: Server, at: ListenSpec["at"]): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen(at, () => {
      server.off("error", reject)
      resolve()
    })
  })

function peerOf(incoming: IncomingMessage, isUnix: boolean, upgrade: Peer["upgrade"]): Peer {
  const address = isUnix ? "unix" : (incoming.socket.remoteAddress ?? "")
  return {
    address,
    loopback: isLoopback(address),
    upgrade,
    // Node sets no limit on a quiet answer unless told to.
    holdOpen: () => void incoming.socket.setTimeout(0),
    letGo: (graceMs) => void incoming.socket.setTimeout(graceMs, () => incoming.socket.destroy()),
  }
}

/** Asks the house about an upgrade request; an answer instead of a websocket is written by hand and ends the connection. */
async function answerUpgrade(
  incoming: IncomingMessage,
  raw: Duplex,
  ask: (request: Request) => Response | undefined | Promise<Response | undefined>,
): Promise<void> {
  raw.on("error", () => raw.destroy())
  const request = requestOf(incoming)
  const response = request === undefined ? new Response("bad request", { status: 400 }) : await ask(request)
  if (response === undefined) return
  const body = new Uint8Array(await response.arrayBuffer())
  const headers = new Headers(response.headers)
  headers.set("content-length", String(body.byteLength))
  headers.set("connection", "close")
  const lines = [...headers].map(([name, value]) => `${name}: ${value}\r\n`).join("")
  raw.write(`HTTP/1.1 ${response.status} ${response.statusText}\r\n${lines}\r\n`)
  // Nobody else watches it any more: one that its client never closes would be held for ever.
  const closed = new Promise<void>((resolve) => {
    raw.once("close", resolve)
  })
  raw.end(body)
  await within(GOODBYE_MS, closed)
  raw.destroy()
}

function requestOf({ url, headers, headersDistinct }: IncomingMessage): Request | undefined {
  const target = `http://${headers.host ?? "localhost"}${url ?? "/"}`
  if (!URL.canParse(target)) return undefined
  const list = Object.entries(headersDistinct).flatMap(([name, values]) =>
    (values ?? []).map((value): [string, string] => [name, value]),
  )
  return new Request(target, { headers: list })
}
