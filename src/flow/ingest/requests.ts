// THE TABLE of what the child asks: those that a person answers go to their room, every other one is refused at once, so
// that no turn ever waits for an answer that nobody will give.

import type { Log } from "../../base/events/log.ts"
import { newId } from "../../base/kit/ids.ts"
import type { Tx } from "../../base/storage/port.ts"
import { requested, unsupported } from "../../domain/events.ts"
import { METHODS } from "../../domain/requests/kinds.ts"
import { type Message, RPC } from "../../engine/runtime/protocol/wire.ts"
import type { Rooms } from "../rooms.ts"
import type { Contexts } from "./contexts.ts"
import { paramsOf, threadOf, turnOf } from "./message.ts"

export interface TakeNeeds {
  rooms: Rooms
  log: Log
  contexts: Contexts
}
export interface AskedNow {
  tx: Tx
  message: Message
  runId: string
  after(fn: () => void): void
}

/** Takes one server request in: its signal, then exactly one of the request frames or `server_request` (wire-contract §2.3). */
export function takeRequest(
  { rooms, log, contexts }: TakeNeeds,
  { tx, message, runId, after }: AskedNow,
): void {
  const { method, raw, rpcId = "" } = message
  const params = paramsOf(message.params)
  const threadId = threadOf(params)
  const context = contexts.of(tx, threadId)
  const activeTurn = threadId === null ? undefined : rooms.turns.active(threadId, tx)?.id
  const id = newId()
  const said = turnOf(params)
  const named = said !== null && threadId !== null ? rooms.turns.idOf(tx, threadId, said) : said
  const turnId = named ?? activeTurn ?? null
  const about = contexts.compose(context, turnId)
  const signal = `${about.slice(0, -1)},"requestId":${JSON.stringify(id)}}`
  log.append(tx, requested({ audience: context.audience, context: signal, raw }))
  if (threadId !== null && METHODS[method] && answerable(method, params)) {
    rooms.requests.open(tx, { runId, rpcId, method, sessionId: threadId, activeTurn, params }, id)
    return
  }
  log.append(tx, unsupported({ audience: context.audience, context: "", raw }))
  after(() => rooms.codex.refuse(runId, rpcId, RPC.methodNotFound, `codexd does not answer ${method}`))
}

/** A tool call without a tool's name can't be put before anybody. */
const answerable = (method: string, { tool }: Record<string, unknown>): boolean =>
  method !== "item/tool/call" || (typeof tool === "string" && tool.trim() !== "")
