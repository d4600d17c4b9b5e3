// A message as it is given, and what its sender hears of it.

import type { Tx } from "../../../base/storage/port.ts"
import type { Overrides } from "../../controls/tuple.ts"

export type WhenBusy = "steer" | "queue" | "reject"
export interface SendMessage extends Overrides {
  text: string
  effort?: string | undefined
  whenBusy?: WhenBusy | undefined
  dynamicTools?: unknown[] | undefined
}
export interface Sent {
  turnId: string
  /** The turn is over first: `turnId` is that of a prompt. */
  queued?: true
  /** It joined a turn that goes on as it was: its overrides hold from the next one. */
  appliesFrom?: "next_turn"
  /** What it asked for and nobody will do. */
  notApplied?: string[]
}
/** What is written together with the fact that the message is taken. */
export interface Witness {
  /** Given to binaries that tell it back. */
  clientId?: string | undefined
  done?: ((tx: Tx, sent: Sent) => void) | undefined
}

export interface Message {
  sessionId: string
  text: string
  effort: string | undefined
  over: Overrides
}
