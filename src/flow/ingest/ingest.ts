// Everything the child says comes through here: what it means for the rooms, then the event that passes it on, all of one
// read in one commit. A message that breaks a handler is told all the same and breaks nothing else.

import type { Log } from "../../base/events/log.ts"
import type { Logger } from "../../base/observe/logger.ts"
import type { Db, Tx } from "../../base/storage/port.ts"
import { notified } from "../../domain/events.ts"
import type { Message } from "../../engine/runtime/protocol/wire.ts"
import type { Acts } from "../acts/acts.ts"
import type { Rooms } from "../rooms.ts"
import type { Contexts } from "./contexts.ts"
import { isDelta, isRaw, paramsOf, threadOf, turnOf } from "./message.ts"
import { notifications, PASSED_ON, TEXT_DELTAS, type Told } from "./notifications.ts"
import { takeRequest } from "./requests.ts"

export interface IngestNeeds {
  db: Db
  log: Log
  logger: Logger
  rooms: Rooms
  acts: Acts
  contexts: Contexts
}

export function createIngest(needs: IngestNeeds) {
  const { db, log, logger, rooms, contexts } = needs
  const table = notifications(needs)
  const unknown = new Map<string, number>()

  /** One read of the child's stdout. Committed and told when it returns. */
  function take(batch: Message[], runId: string): void {
    const after: (() => void)[] = []
    const whole = db.actNow((tx) => {
      after.length = 0
      for (const message of batch) one(tx, message, runId, after, true)
    })
    if (whole.ok) return run(after)
    if (batch.length > 1) for (const message of batch) take([message], runId)
    else if (batch[0]) alone(batch[0], runId, whole.error)
  }

  /** A message that could not be taken in: it is passed on without its meaning; on a full disk unstored. */
  function alone(message: Message, runId: string, cause: unknown): void {
    if (db.full) return untold(message, runId)
    logger.error("a message of the app-server could not be taken in", {
      method: message.method,
      error: cause,
    })
    const after: (() => void)[] = []
    const again = db.actNow((tx) => {
      after.length = 0
      one(tx, message, runId, after, false)
    })
    if (again.ok) run(after)
    else untold(message, runId)
  }

  function untold(message: Message, runId: string): void {
    if (message.kind === "request") {
      rooms.codex.refuse(
        runId,
        message.rpcId ?? "",
        -32603,
        "the request could not be stored: no room on the disk",
      )
    }
    const params = paramsOf(message.params)
    const context = contexts.of(db, threadOf(params))
    const line = {
      audience: context.audience,
      context: contexts.compose(context, turnOf(params)),
      raw: message.raw,
    }
    if (message.kind === "notification") {
      log.tellUnstored([notified(line, { delta: isDelta(message.method), settles: false, stored: true })])
    }
  }

  function one(tx: Tx, message: Message, runId: string, after: (() => void)[], meant: boolean): void {
    if (message.kind === "request")
      return takeRequest(needs, { tx, message, runId, after: (fn) => after.push(fn) })
    const { method, raw } = message
    const params = paramsOf(message.params)
    const threadId = threadOf(params)
    const delta = isDelta(method)
    if (!delta && meant && threadId !== null) {
      const told = {
        tx,
        threadId,
        turnId: turnOf(params),
        runId,
        params,
        after: (fn: () => void) => after.push(fn),
      }
      handle(method, told)
    }
    const context = contexts.of(tx, threadId)
    const turnId =
      turnOf(params) ?? (delta || threadId === null ? null : (rooms.turns.active(threadId, tx)?.id ?? null))
    const line = { audience: context.audience, context: contexts.compose(context, turnId), raw }
    log.append(
      tx,
      notified(line, { delta, settles: settles(method, threadId, params), stored: !isRaw(method) }),
    )
    if (delta && threadId !== null) hearText(method, threadId, params, after)
  }

  function handle(method: string, told: Told): void {
    const handler = table[method]
    if (handler) handler(told)
    else if (!PASSED_ON.has(method)) unknown.set(method, (unknown.get(method) ?? 0) + 1)
  }

  function settles(method: string, threadId: string | null, params: Record<string, unknown>): boolean {
    if (threadId === null) return false
    if (method === "turn/completed") return true
    const item = paramsOf(params.item).id
    return (
      method === "item/completed" &&
      typeof item === "string" &&
      rooms.streaming.settlesWithout(threadId, item)
    )
  }

  function hearText(
    method: string,
    threadId: string,
    params: Record<string, unknown>,
    after: (() => void)[],
  ): void {
    const { itemId, delta } = params
    if (TEXT_DELTAS[method] === undefined || typeof itemId !== "string" || typeof delta !== "string") return
    after.push(() => rooms.transcript.hear(threadId, itemId, delta))
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

  return {
    take,
    /** Methods that no table knows, and how often they came. */
    unknown: (): Record<string, number> => Object.fromEntries(unknown),
  }
}
export type Ingest = ReturnType<typeof createIngest>
