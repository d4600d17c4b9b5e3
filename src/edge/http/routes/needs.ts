// What the routes are given.

import type { Reconcile } from "../../../flow/ingest/past/reconcile.ts"
import type { Rooms } from "../../../flow/rooms.ts"
import type { Sockets } from "../../stream/socket.ts"
import type { Events } from "../../stream/sse.ts"
import type { Gate } from "../guards.ts"

export interface RouteNeeds {
  rooms: Rooms
  reconcile: Reconcile
  gate: Gate
  sockets: Sockets
  events: Events
  version: string
  health(): Record<string, unknown> & { status: string }
}
