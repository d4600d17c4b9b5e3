// A listener: somewhere to send (a socket, a stream of events), and what it wants to hear.

import type { FamilyMask } from "./wire/families.ts"

export interface Wish {
  /** Only this thread and what is for everybody; null is everything but system-owned sessions. */
  thread: string | null
  families: FamilyMask
}

export interface Outlet {
  readonly kind: "socket" | "events"
  /** Queues a frame; `seq` 0 is a frame without one. False when it has to wait for a drain (it is still sent). */
  send(text: string, seq: number): boolean
  /** Bytes that wait for the other side to take them. */
  lag(): number
  /** Ends it from our side. */
  cut(code: number, reason: string): void
  /** Present where the platform's `publish` reaches it; otherwise the hub sends each frame itself. */
  readonly topics?: { subscribe(topic: string): void; unsubscribe(topic: string): void }
}

export interface Listener {
  readonly outlet: Outlet
  wish: Wish
  gone: boolean
  /** While it is shown the past; undefined when it is live. */
  replay: Replay | undefined
}

export interface Replay {
  /** Events up to this number were sent. */
  after: number
  /** Frames up to this seq were there before it came. */
  sinceSeq: number
  /** Its outlet takes no more for now. */
  waits: boolean
}
