// Everything the child says comes through here: what it means for the rooms, then the event that passes it on, all of one
// read in one commit. A message that breaks a handler is told all the same and breaks nothing else.

import type { Log } from "../../base/events/log.ts"
import type { Clock } from "../../base/kit/clock.ts"
import type { Logger } from "../../base/observe/logger.ts"
import type { Db, Reader, Tx } from "../../base/storage/port.ts"
import { isBusy } from "../../base/storage/sqlite.ts"
import { notified } from "../../domain/events.ts"
import { type Message, RPC } from "../../engine/runtime/protocol/wire.ts"
import type { Acts } from "../acts/acts.ts"
import type { CarryOver } from "../acts/carry.ts"
import type { Rooms } from "../rooms.ts"
import type { Contexts } from "./contexts.ts"
import {
  isDelta,
  isForEverybody,
  isLegacy,
  isOfEntries,
  isRaw,
  paramsOf,
  threadOf,
  turnOf,
} from "./message.ts"
import { notifications, PASSED_ON, TEXT_DELTAS } from "./notifications.ts"
import type { Owed } from "./owed.ts"
import type { Own } from "./own.ts"
import { takeRequest } from "./requests.ts"
import { type HeardText, openTexts, type Texts } from "./streamed/texts.ts"

export interface IngestNeeds {
  db: Db
  log: Log
  logger: Logger
  clock: Clock
  rooms: Rooms
  acts: Acts
  contexts: Contexts
  carry: CarryOver
  own: Own
  owed: Owed
  /** Counts a method that no table knows. */
  noteUnknown(method: string): void
}

interface Taken {
  tx: Tx
  message: Message
  runId: string
  after(fn: () => void): void
  texts: Texts
  /** Requests that are in their table, and not yet in the transcript. */
  asked: string[]
  /** False for a message whose handler failed: it is passed on without its meaning. */
  meant: boolean
}

export function createIngest(needs: IngestNeeds) {
  const { db, log, logger, rooms, contexts, owed, noteUnknown } = needs
  const table = new Map(Object.entries(notifications(needs)))

  /** One read of the child's stdout. Committed and told when it returns; on a full disk told all the same. */
  function take(batch: Message[], runId: string): void {
    for (const { kind, method } of batch) if (kind === "notification" && !isKnown(method)) noteUnknown(method)
    owed.pay()
    store(batch, runId)
  }

  function store(batch: Message[], runId: string): void {
    const whole = together(batch, runId, true)
    if (whole.ok) return
    if (db.full || isBusy(whole.error)) for (const message of batch) untold(message, runId)
    else if (batch.length > 1) for (const message of batch) store([message], runId)
    else if (batch[0]) alone(batch[0], runId, whole.error)
  }

  function together(batch: Message[], runId: string, meant: boolean) {
    const work: (() => void)[] = []
    const asked: string[] = []
    const after = (fn: () => void) => void work.push(fn)
    const outcome = db.actNow((tx) => {
      work.length = 0
      asked.length = 0
      const texts = openTexts(needs)
      for (const message of batch) one({ tx, message, runId, after, texts, asked, meant })
      texts.tell(tx)
    })
    if (outcome.ok) run(work)
    if (outcome.ok && asked.length > 0) enterBehind(asked)
    return outcome
  }

  /** People hear of a request before its row is written, where none of the same read comes behind it. */
  function enterBehind(asked: readonly string[]): void {
    const write = (tx: Tx) => {
      for (const id of asked) rooms.requests.enter(tx, id)
    }
    const lost = (error: unknown) => logger.error("a request could not be written down", { asked, error })
    rooms.transcript.following.add({ write, lost })
  }

  /** A message that breaks its handler: it is passed on without its meaning. */
  function alone(message: Message, runId: string, cause: unknown): void {
    logger.error("a message of the app-server could not be taken in", {
      method: message.method,
      error: cause,
    })
    if (message.kind === "request" || !together([message], runId, false).ok) untold(message, runId)
  }

  /** Nothing can be stored: a notification is told unstored and its meaning owed, a request is refused. */
  function untold(message: Message, runId: string): void {
    if (message.kind === "request") {
      rooms.codex.refuse(runId, message.rpcId ?? "", RPC.internal, "codexd could not store this request")
      return
    }
    if (ofTheDead(message, db)) return
    const { method, raw, params: given } = message
    const params = paramsOf(given)
    const threadId = threadOf(params)
    const context = contexts.of(db, threadId)
    const turnId = turnOf(params)
    const line = { audience: context.audience, context: contexts.compose(context, turnId), raw }
    const delta = isDelta(method)
    const text = textIn(message)
    const grown = text && rooms.transcript.deltaOf(context.audience, { ...text, ahead: 0 })
    log.tellUnstored([notified(line, { delta, settles: false, stored: true }), ...(grown ? [grown] : [])])
    if (threadId === null) return
    const told = { threadId, turnId, runId, params }
    if (text) rooms.transcript.hear(text.sessionId, text.itemId, text.delta)
    else if (!delta) owed.owe((tx, after) => table.get(method)?.({ ...told, tx, after }))
  }

  const isKnown = (method: string): boolean => table.has(method) || PASSED_ON.has(method) || isLegacy(method)

  /** Of a thread that was deleted here nothing is told, and its requests are refused (wire-contract §1.5). */
  function ofTheDead({ params }: Message, reader: Reader): boolean {
    const threadId = threadOf(paramsOf(params))
    return threadId !== null && rooms.tombstones.has(threadId, reader)
  }

  function one(taken: Taken): void {
    const { tx, message, runId, after, texts, asked, meant } = taken
    if (ofTheDead(message, tx)) {
      const { kind, rpcId = "" } = message
      if (kind === "request")
        after(() => rooms.codex.refuse(runId, rpcId, RPC.invalidRequest, "this session was deleted"))
      return
    }
    const threadId = threadOf(paramsOf(message.params))
    if (threadId !== null && !isDelta(message.method)) texts.tellOf(tx, threadId)
    if (message.kind === "request") {
      takeRequest(needs, { tx, message, runId, after, asked })
      return
    }
    const { method, raw } = message
    const params = paramsOf(message.params)
    const delta = isDelta(method)
    if (isOfEntries(method)) {
      rooms.transcript.following.writeIn(tx)
      for (const id of asked.splice(0)) rooms.requests.enter(tx, id)
    }
    const said = turnOf(params)
    const named =
      said === null || threadId === null || delta || !meant ? said : rooms.turns.idOf(tx, threadId, said)
    if (!delta && meant && threadId !== null)
      table.get(method)?.({ tx, threadId, turnId: named, runId, params, after })
    const context = contexts.of(tx, threadId)
    const turnId =
      named ?? (delta || threadId === null ? null : (rooms.turns.active(threadId, tx)?.id ?? null))
    const line = { audience: context.audience, context: contexts.compose(context, turnId), raw }
    const stored = !isRaw(method)
    const everybody = isForEverybody(method)
    log.append(tx, notified(line, { delta, settles: settles(method, threadId), stored, everybody }))
    const text = textIn(message)
    if (!text) return
    texts.hear(text)
    after(() => rooms.transcript.hear(text.sessionId, text.itemId, text.delta))
  }

  /** True when the message ends the last item that was under way in its thread. */
  function settles(method: string, threadId: string | null): boolean {
    if (threadId === null || (method !== "item/completed" && method !== "turn/completed")) return false
    return rooms.streaming.idle(threadId)
  }

  function run(after: (() => void)[]): void {
    for (const fn of after) {
      try {
        fn()
      } catch (error) {
        logger.error("after a commit", { error })
      }
    }
  }

  return { take }
}
export type Ingest = ReturnType<typeof createIngest>

/** The text that a message adds to an entry. */
function textIn({ method, params: given }: Message): HeardText | undefined {
  if (TEXT_DELTAS[method] === undefined) return undefined
  const params = paramsOf(given)
  const sessionId = threadOf(params)
  const { itemId, delta } = params
  if (sessionId === null || typeof itemId !== "string" || typeof delta !== "string") return undefined
  return { sessionId, turnId: turnOf(params), itemId, delta }
}
