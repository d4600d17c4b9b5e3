// A door over a database: with the owner's token, or without any.

import type { Clock } from "../../src/base/kit/clock.ts"
import type { Db } from "../../src/base/storage/port.ts"
import { createDoor } from "../../src/edge/http/doors/door.ts"

export interface DoorGiven {
  db: Db
  clock: Clock
  token: string | undefined
  host?: string
  hosts?: string[]
  origins?: string[]
  hide?(secret: string): void
}

export function openDoor({
  db,
  clock,
  token,
  host = "127.0.0.1",
  hosts = [],
  origins = [],
  hide,
}: DoorGiven) {
  const door = createDoor({
    config: { host, apiAllowedHosts: hosts, apiAllowedOrigins: origins },
    db,
    clock,
    ownersToken: token,
    houseId: "a-house-of-the-test",
    hide: hide ?? (() => undefined),
    onFault(error) {
      throw error
    },
  })
  door.openedAt("http://127.0.0.1:3001")
  return door
}

/** Acts are done at once: the rooms' clock is turned by hand, and nobody turns it here. */
export function atOnce(db: Db): Db {
  const act = async (fn: Parameters<Db["act"]>[0]) => {
    const outcome = db.actNow(fn)
    if (!outcome.ok) throw outcome.error
    return outcome.value
  }
  return { ...db, act: act as Db["act"] }
}
