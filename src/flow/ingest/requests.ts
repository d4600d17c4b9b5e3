// THE TABLE of what the child asks: what a person answers goes to its room, what the daemon itself knows is answered, every
// other one is refused at once with its reason, so that no turn ever waits for an answer that nobody will give.

import type { Log } from "../../base/events/log.ts"
import type { Clock } from "../../base/kit/clock.ts"
import { newId } from "../../base/kit/ids.ts"
import type { Tx } from "../../base/storage/port.ts"
import { requested, unsupported } from "../../domain/events.ts"
import { itemOf, METHODS } from "../../domain/requests/kinds.ts"
import { type Message, RPC } from "../../engine/runtime/protocol/wire.ts"
import type { CarryOver } from "../acts/carry.ts"
import { noteAsked } from "../extensions/note.ts"
import type { Rooms } from "../rooms.ts"
import type { Contexts } from "./contexts.ts"
import { paramsOf, threadOf, turnOf } from "./message.ts"
import type { Own } from "./own.ts"

export interface TakeNeeds {
  rooms: Rooms
  log: Log
  clock: Clock
  contexts: Contexts
  carry: CarryOver
  own: Own
}
export interface AskedNow {
  tx: Tx
  message: Message
  runId: string
  after(fn: () => void): void
  /** Takes the ids of those that the transcript is still to have. */
  asked: string[]
}

/** What the daemon answers by itself. */
const KNOWN: Readonly<Record<string, (clock: Clock) => unknown>> = {
  "currentTime/read": (clock) => ({ currentTimeAt: Math.floor(clock.now() / 1000) }),
}
/** What it never can, and why: told as `server_request`, so that a client may say it in its own words. */
const REFUSED: Readonly<Record<string, string>> = {
  "account/chatgptAuthTokens/refresh": "codexd keeps no ChatGPT tokens that it could renew: log in again",
  "attestation/generate": "codexd runs on no attested device",
}

/** Takes one server request in: its signal, then exactly one of the request frames or `server_request` (wire-contract §2.3). */
export function takeRequest(
  { rooms, log, clock, contexts, carry, own }: TakeNeeds,
  { tx, message, runId, after, asked: unentered }: AskedNow,
): void {
  const { method, raw, rpcId = "" } = message
  const params = paramsOf(message.params)
  const threadId = threadOf(params) ?? (METHODS[method] ? threadOfItem(rooms, tx, params) : null)
  const context = contexts.of(tx, threadId)
  const said = turnOf(params)
  const names = typeof params.turnId === "string"
  const activeTurn = names || threadId === null ? undefined : rooms.turns.active(threadId, tx)?.id
  const named = said !== null && threadId !== null ? rooms.turns.idOf(tx, threadId, said) : said
  const turnId = named ?? activeTurn ?? null
  const isPersons = threadId !== null && METHODS[method] !== undefined && answerable(method, params)
  const systemOwned = threadId !== null && rooms.sessions.find(threadId, tx)?.systemOwned === true
  const audience = { thread: threadId, hidden: systemOwned }
  const asked =
    threadId === null
      ? undefined
      : { runId, rpcId, method, sessionId: threadId, activeTurn, params, audience }
  // Asked again after a restart, and accepted meanwhile: it goes on under the id that clients know.
  const carried = asked && turnId !== null && isPersons ? carry.repeated(tx, asked, turnId) : undefined
  const id = carried?.id ?? newId()
  const about = contexts.compose(context, turnId)
  const signal = `${about.slice(0, -1)},"requestId":${JSON.stringify(id)}}`
  log.append(tx, requested({ audience: context.audience, context: signal, raw }))
  if (carried) {
    after(() => rooms.requests.deliverCarried(carried))
    return
  }
  const answer = KNOWN[method]
  if (answer) {
    // Where the child is gone meanwhile nobody waits.
    after(() => void rooms.codex.answer(runId, rpcId, answer(clock)).catch(() => {}))
    return
  }
  if (asked && systemOwned) {
    own.settle({ tx, id, turnId, after, ...asked })
    return
  }
  if (asked && isPersons) {
    rooms.requests.open(tx, asked, id)
    unentered.push(id)
    noteAsked(rooms, tx, { requestId: id, sessionId: asked.sessionId, turnId, method, params })
    return
  }
  const reason = REFUSED[method] ?? `codexd does not answer ${method}`
  log.append(tx, unsupported({ audience: context.audience, context: "", raw }))
  after(() => rooms.codex.refuse(runId, rpcId, RPC.methodNotFound, reason))
}

/** 0.105 asks about a skill without naming the thread: it is the one with that item, or the only one that is busy. */
function threadOfItem({ turns, transcript }: Rooms, tx: Tx, params: Record<string, unknown>): string | null {
  const busy = new Set(turns.running(tx).map(({ sessionId }) => sessionId))
  const itemId = itemOf(params)
  const owner = [...busy].find((id) => itemId !== undefined && transcript.has(tx, id, itemId))
  const [only = null] = busy
  return owner ?? (busy.size === 1 ? only : null)
}

/** A tool call without a tool's name can't be put before anybody. */
const answerable = (method: string, { tool }: Record<string, unknown>): boolean =>
  method !== "item/tool/call" || (typeof tool === "string" && tool.trim() !== "")
