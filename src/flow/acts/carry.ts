// Carry-over (decisions 18): what a person accepted after its child had died goes on in one continuation turn of the session,
// as soon as a child is there and no other turn runs. Also: a person has the model look into what nobody knows the outcome of.

import { isFault } from "../../base/fault.ts"
import type { Clock } from "../../base/kit/clock.ts"
import { newId } from "../../base/kit/ids.ts"
import { TIMERS } from "../../base/kit/timers.ts"
import type { Logger } from "../../base/observe/logger.ts"
import type { Db, Tx } from "../../base/storage/port.ts"
import type { By } from "../../domain/requests/machine/by.ts"
import type { Asked } from "../../domain/requests/machine/moves.ts"
import type { Request } from "../../domain/requests/store.ts"
import type { Sent } from "../../domain/turns/messages/message.ts"
import type { Rooms } from "../rooms.ts"

export interface CarryNeeds {
  db: Db
  clock: Clock
  logger: Logger
  rooms: Pick<Rooms, "requests" | "turns">
}

/** Failures that say nothing about the session. After these it is tried again when a child is there, */
const WITH_A_CHILD = ["runtime_unavailable", "shutting_down"] as const
/** and after these in a while. */
const LATER = ["storage_full", "codex_overloaded", "codex_timeout"] as const

export function createCarryOver({ db, clock, logger, rooms }: CarryNeeds) {
  const { requests, turns } = rooms
  /** Sessions that are tried again in a while. */
  const waiting = new Set<string>()
  let closed = false

  async function carry(sessionId: string): Promise<void> {
    if (!requests.carry.waits(db, sessionId)) return
    const carryId = newId()
    let begun = false
    try {
      await turns.carryOn(sessionId, {
        clientId: carryId,
        reserve: (tx) => requests.carry.reserve(tx, sessionId, carryId),
        begun(tx, turnId) {
          begun = true
          requests.carry.begun(tx, carryId, turnId)
        },
      })
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (begun || requests.carry.isReserved(db, carryId)) await fail(carryId, reason)
      else if (WITH_A_CHILD.some((code) => isFault(error, code))) return
      else if (LATER.some((code) => isFault(error, code))) again(sessionId)
      else await db.act((tx) => requests.carry.refuse(tx, sessionId, reason))
    }
  }

  function again(sessionId: string): void {
    if (waiting.has(sessionId)) return
    waiting.add(sessionId)
    later(() => {
      waiting.delete(sessionId)
      wake(sessionId)
    })
  }

  /** Never tried again: that is stored now, or as soon as there is room. */
  async function fail(carryId: string, reason: string): Promise<void> {
    try {
      await db.act((tx) => requests.carry.failed(tx, carryId, reason))
    } catch (error) {
      if (!isFault(error, "storage_full")) throw error
      later(() => void fail(carryId, reason).catch((cause: unknown) => failed({ carryId, error: cause })))
    }
  }

  const later = (fn: () => void) => clock.after(TIMERS.returnRetryMs, () => closed || fn())
  const failed = (about: Record<string, unknown>) => logger.error("a carry-over failed", about)

  /** Carries over what was accepted in the session, now or at the end of the turn that runs. */
  function wake(sessionId: string): void {
    carry(sessionId).catch((error: unknown) => failed({ sessionId, error }))
  }

  /**
   * The accepted request that this one repeats. What an accept allows depends on the sandbox that the turn has: where that is
   * another one by now, the person is asked again.
   */
  function repeated(tx: Tx, asked: Asked, turnId: string): Request | undefined {
    const { sessionId } = asked
    const isSame = ({ turnId: own }: Request) => {
      const now = rulesOf(turns.find(sessionId, turnId, tx)?.controls)
      const then = own === undefined ? undefined : rulesOf(turns.find(sessionId, own, tx)?.controls)
      return then === undefined || then === now
    }
    return requests.carry.match(tx, asked, { turnId, isSame })
  }

  /**
   * The session's model is asked to find out what became of a request whose outcome nobody knows, in a turn of its own once the
   * session is free. Throws as `dismiss` and sending a message do.
   */
  async function lookInto(id: string, by: By): Promise<{ request: Request; sent: Sent }> {
    const request = requests.unknown(id)
    const text = requests.lookIntoText(request)
    const done = (tx: Tx) => requests.dismiss(tx, id, by)
    const sent = await turns.send(request.sessionId, { text, whenBusy: "queue" }, { done })
    return { request, sent }
  }

  return {
    wake,
    repeated,
    lookInto,
    dismiss: (id: string, by: By): Promise<Request> => db.act((tx) => requests.dismiss(tx, id, by)),
    /** A child is ready: whatever was accepted meanwhile is carried over. */
    resume(): void {
      for (const sessionId of requests.carry.sessions(db)) wake(sessionId)
    },
    [Symbol.dispose](): void {
      closed = true
    },
  }
}
export type CarryOver = ReturnType<typeof createCarryOver>

function rulesOf(controls: string | undefined): string | undefined {
  if (controls === undefined) return undefined
  const { filesystemSandbox, networkAccess } = JSON.parse(controls) as Record<string, unknown>
  return JSON.stringify([filesystemSandbox, networkAccess])
}
