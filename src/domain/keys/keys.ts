// Idempotency keys: the same key gives the same answer, also after a restart; nothing is done twice under one (decisions 17).
// The answer is written in the act that makes it true. A failure that certainly did nothing frees the key; where nobody can
// know whether it did, the key stays taken and `recover` says what a repetition gets.

import { Fault } from "../../base/fault.ts"
import type { Clock } from "../../base/kit/clock.ts"
import { newId } from "../../base/kit/ids.ts"
import type { Db, Tx } from "../../base/storage/port.ts"
import { addKey, answerKey, dropKey, type KeyRow, pruneKeys, readKey, trackKey } from "./store.ts"

export interface KeysNeeds {
  db: Db
  clock: Clock
}

export interface Asked<T> {
  /** Keys are counted apart in each: the route, and the session. */
  scope: string
  key: string
  body: unknown
  /** The work can be found again by its id after a crash. */
  tracked?(): boolean
  /** Does it; `done` inside the act that makes it true. */
  run(claim: Claim<T>): Promise<T>
  /** What became of work whose answer never came; undefined if it may be done now. May throw. Without it, it may. */
  recover?(row: { id: string; tracked: boolean }): Promise<NoInfer<T> | undefined>
}
export interface Claim<T> {
  id: string
  done(tx: Tx, answer: T): void
}

const KEPT_MS = 7 * 24 * 3_600_000

export function createKeys({ db, clock }: KeysNeeds) {
  /** What is under way in this process: a repetition gets its answer. */
  const running = new Map<string, { body: string; answer: Promise<unknown> }>()

  /** Throws `idempotency_key_reused` for another body, and whatever `run` and `recover` throw. */
  async function once<T>(asked: Asked<T>): Promise<T> {
    const body = await hashOf(asked.body)
    const name = JSON.stringify([asked.scope, asked.key])
    const under = running.get(name)
    if (under) {
      if (under.body !== body) throw reused()
      return under.answer as Promise<T>
    }
    const answer = first(asked, body).finally(() => running.delete(name))
    running.set(name, { body, answer })
    return answer
  }

  async function first<T>(asked: Asked<T>, body: string): Promise<T> {
    const known = readKey(db, asked)
    if (known && known.body !== body) throw reused()
    if (known?.answer !== undefined) return JSON.parse(known.answer) as T
    if (known) {
      const found = await asked.recover?.(known)
      if (found !== undefined) {
        await db.act((tx) => answerKey(tx, asked, JSON.stringify(found)))
        return found
      }
    }
    return work(asked, known ?? { ...asked, id: newId(), body, tracked: false, answer: undefined }, !known)
  }

  async function work<T>(asked: Asked<T>, row: KeyRow, fresh: boolean): Promise<T> {
    const tracked = asked.tracked?.() ?? false
    await db.act((tx) => {
      if (fresh) {
        pruneKeys(tx, clock.now() - KEPT_MS)
        addKey(tx, { ...row, tracked }, clock.now())
      } else trackKey(tx, row, tracked)
    })
    const done = (tx: Tx, answer: T) => answerKey(tx, row, JSON.stringify(answer))
    try {
      return await asked.run({ id: row.id, done })
    } catch (error) {
      const certain = error instanceof Fault && error.details.delivered !== "unknown"
      if (certain) await db.act((tx) => dropKey(tx, row))
      throw error
    }
  }

  return { once }
}
export type Keys = ReturnType<typeof createKeys>

const reused = (): Fault =>
  new Fault("idempotency_key_reused", "this Idempotency-Key was used for another request")

async function hashOf(body: unknown): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(body))
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("")
}
