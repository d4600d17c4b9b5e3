// A listener lasts only as long as the right to listen.

import { Fault } from "../../base/fault.ts"

export interface Pass {
  /** Calls `close` when the token that opened the stream ends; at once if it has. Disposing forgets it. */
  whileHeld(close: () => void): Disposable
}

/** Close code and words of a listener whose token ended: to come back needs another one. */
export const ENDED_PASS = [1008, "the token was revoked or has expired"] as const

export const noRoom = (): Fault =>
  new Fault("too_many_listeners", "as many listen as may at a time; see STREAM_MAX_LISTENERS")
